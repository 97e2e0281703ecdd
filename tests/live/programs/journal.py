"""Sends two entries to the journal whose socket its argument names: one of lines, one with a length before its value."""
import socket
import sys

sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sender.sendto(b"MESSAGE=hello, journal\nPRIORITY=6\nSYSLOG_IDENTIFIER=test\n", sys.argv[1])
text = b"two\nlines"
sender.sendto(b"MESSAGE\n" + len(text).to_bytes(8, "little") + text + b"\nPRIORITY=5\n", sys.argv[1])
