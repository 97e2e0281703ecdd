//! What lies where for Wireshark: our interface, a profile, and fields. It is put there for one person, and taken away again.
//!
//! Nothing is overwritten or removed that we have not written: a link of ours is one to this program or a file called strace2pcap, and a
//! file's first line tells a sum over the others, which holds as long as nobody has changed them.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::escape::escaped;
use crate::run::{self, Exit};
use crate::system::{self, Folders};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// To put it there.
    Install,
    /// To take it away.
    Uninstall,
}

/// Our program's name, and that of all that is ours.
const NAME: &str = "strace2pcap";

/// The files: below which folder, and what is in them. The first characters of a line that is a comment come with it.
const FILES: [(Folder, &str, &str, &str); 4] = [
    (
        Folder::Config,
        "profiles/strace2pcap/preferences",
        "# ",
        include_str!("../../tools/wireshark/profile/preferences"),
    ),
    (
        Folder::Config,
        "profiles/strace2pcap/colorfilters",
        "# ",
        include_str!("../../tools/wireshark/profile/colorfilters"),
    ),
    (
        Folder::Config,
        "profiles/strace2pcap/dfilter_buttons",
        "# ",
        include_str!("../../tools/wireshark/profile/dfilter_buttons"),
    ),
    (Folder::Library, "plugins/strace2pcap.lua", "-- ", include_str!("../../tools/wireshark/strace2pcap.lua")),
];

/// A person's folders of Wireshark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Folder {
    /// `~/.config/wireshark`, where that is not elsewhere.
    Config,
    /// `~/.local/lib/wireshark`.
    Library,
}

/// A path in one of the folders, with the system's own separators.
fn path_in(folders: &Folders, folder: Folder, inner: &str) -> PathBuf {
    let folder = match folder {
        Folder::Config => &folders.config,
        Folder::Library => &folders.library,
    };
    folder.join(inner.split('/').collect::<PathBuf>())
}

/// Our interface, in the folder of Wireshark 4.0, and in that of 4.4 and later where it is another.
fn interfaces(folders: &Folders) -> Vec<PathBuf> {
    let inner = format!("extcap/{NAME}{}", env::consts::EXE_SUFFIX);
    let mut paths = [Folder::Config, Folder::Library].map(|folder| path_in(folders, folder, &inner)).to_vec();
    paths.dedup();
    paths
}

/// Does it, and tells what was done, one line for each file.
pub fn place(place: Intent) -> Exit {
    let done = match (system::folders(), env::current_exe()) {
        (None, _) => Err(format!("{} is not set: nobody's Wireshark is known", system::PERSON)),
        (_, Err(error)) => Err(format!("cannot tell where this program is: {error}")),
        (Some(folders), Ok(program)) => match place {
            Intent::Install => install(&folders, &program, in_system()),
            Intent::Uninstall => uninstall(&folders, &program),
        },
    };
    match done {
        Ok(text) => run::answer(text.trim_end()),
        Err(message) => {
            run::tell(&message);
            Exit::Failed
        }
    }
}

/// The interface that a package has installed for all.
fn in_system() -> Option<PathBuf> {
    let name = format!("{NAME}{}", env::consts::EXE_SUFFIX);
    system::common_folders().into_iter().map(|folder| folder.join(&name)).find(|path| path.exists())
}

fn install(folders: &Folders, program: &Path, system: Option<PathBuf>) -> Result<String, String> {
    let mut told = String::new();
    if let Some(path) = system {
        say(&mut told, "is there for all", &path);
    } else {
        for path in interfaces(folders) {
            let what = if link(&path, program).map_err(failed(&path))? { system::PLACED } else { LEFT };
            say(&mut told, what, &path);
        }
    }
    for (folder, inner, comment, text) in FILES {
        let path = path_in(folders, folder, inner);
        let what = if write(&path, &signed(comment, text)).map_err(failed(&path))? { "written" } else { LEFT };
        say(&mut told, what, &path);
    }
    told.push_str(
        "In Wireshark: 'Sockets of a process (strace)' is in the list of interfaces, its gear opens the options;\n\
         Edit > Configuration Profiles > strace2pcap shows who said it. strace2pcap --uninstall-wireshark undoes this.\n",
    );
    if system::is_root() {
        told.push_str("As root, Wireshark 4.4 and later load no Lua: the columns that need it stay empty there.\n");
    }
    Ok(told)
}

fn uninstall(folders: &Folders, program: &Path) -> Result<String, String> {
    let mut told = String::new();
    let mut remove = |path: PathBuf, is_ours: bool| -> Result<(), String> {
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        if is_ours {
            fs::remove_file(&path).map_err(failed(&path))?;
        }
        say(&mut told, if is_ours { "removed" } else { LEFT }, &path);
        Ok(())
    };
    for path in interfaces(folders) {
        let is_ours = is_our_program(&path, program);
        remove(path, is_ours)?;
    }
    for (folder, inner, comment, _) in FILES {
        let path = path_in(folders, folder, inner);
        let is_ours = is_our_file(&path, comment);
        remove(path, is_ours)?;
    }
    // Only where it is empty: Wireshark keeps files of its own in a profile that was used.
    let _ = fs::remove_dir(path_in(folders, Folder::Config, "profiles/strace2pcap"));
    if told.is_empty() {
        told.push_str("nothing of strace2pcap's is installed\n");
    }
    Ok(told)
}

/// What is said of what is not ours.
const LEFT: &str = "left as it is, for it is not (or no longer) as strace2pcap wrote it:";

fn say(told: &mut String, what: &str, path: &Path) {
    // Writing to a string never fails.
    let _ = writeln!(told, "{what} {}", escaped(path.as_os_str().as_encoded_bytes()));
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> String {
    let path = escaped(path.as_os_str().as_encoded_bytes()).to_string();
    move |error| format!("cannot write {path}: {error}")
}

/// Places the program, if nothing but one of ours is there.
fn link(path: &Path, program: &Path) -> io::Result<bool> {
    if path.symlink_metadata().is_ok() {
        if !is_our_program(path, program) {
            return Ok(false);
        }
        fs::remove_file(path)?;
    }
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    system::place_program(program, path)?;
    Ok(true)
}

/// Whether it is this program, or another one of ours.
fn is_our_program(path: &Path, program: &Path) -> bool {
    system::is_placed(path, program, NAME, signature("").as_bytes())
}

/// Writes a file, if nothing but one of ours is there.
fn write(path: &Path, text: &str) -> io::Result<bool> {
    let comment = text.split("Written").next().unwrap_or_default();
    if path.symlink_metadata().is_ok() && !is_our_file(path, comment) {
        return Ok(false);
    }
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(path, text)?;
    Ok(true)
}

/// A text with the line in front that says whose it is.
fn signed(comment: &str, text: &str) -> String {
    format!("{}{:08x}\n{text}", signature(comment), crc32c::crc32c(text.as_bytes()))
}

fn signature(comment: &str) -> String {
    format!("{comment}Written by strace2pcap --install-wireshark; as long as it is unchanged: ")
}

/// Whether a file is as we have written it.
fn is_our_file(path: &Path, comment: &str) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_once('\n').is_some_and(|(_, rest)| text == signed(comment, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(name: &str) -> (PathBuf, Folders) {
        let root = env::temp_dir().join(format!("strace2pcap-{}-{name}", std::process::id()));
        (root.clone(), Folders { config: root.join("c"), library: root.join("l") })
    }

    /// Two programs of ours, and one that is another's.
    fn programs(root: &Path) -> [PathBuf; 3] {
        [("a", "strace2pcap", signature("")), ("b", "strace2pcap", signature("")), ("a", "other", String::new())].map(
            |(folder, name, text)| {
                fs::create_dir_all(root.join("programs").join(folder)).unwrap();
                let path = root.join("programs").join(folder).join(name);
                fs::write(&path, text).unwrap();
                path
            },
        )
    }

    fn files(root: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut waiting = vec![root.join("c"), root.join("l")];
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().unwrap().is_dir() { waiting.push(entry.path()) } else { files.push(entry.path()) }
            }
        }
        files
    }

    #[test]
    fn what_is_installed_is_taken_away() {
        let (root, folders) = folders("install");
        let [one, two, _] = programs(&root);
        for program in [&one, &two] {
            let told = install(&folders, program, None).unwrap();
            assert_eq!((told.matches(system::PLACED).count(), told.matches("written ").count()), (2, 4), "{told}");
            assert_eq!(files(&root).len(), 6);
            let [_, placed] = interfaces(&folders).try_into().unwrap();
            assert_eq!(fs::read_link(&placed).unwrap_or_else(|_| program.clone()), *program);
            assert!(fs::read_to_string(&placed).unwrap().starts_with("Written by"));
        }
        let told = uninstall(&folders, &two).unwrap();
        assert_eq!(told.matches("removed ").count(), 6, "{told}");
        assert_eq!(files(&root), Vec::<PathBuf>::new());
        assert!(!root.join("c/profiles/strace2pcap").exists());
        assert!(uninstall(&folders, &two).unwrap().starts_with("nothing"));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_is_not_ours_stays() {
        let (root, folders) = folders("others");
        let foreign = path_in(&folders, Folder::Config, "profiles/strace2pcap/preferences");
        fs::create_dir_all(foreign.parent().unwrap()).unwrap();
        fs::write(&foreign, "mine\n").unwrap();
        let [one, two, other] = programs(&root);
        let [_, placed] = interfaces(&folders).try_into().unwrap();
        fs::create_dir_all(placed.parent().unwrap()).unwrap();
        system::place_program(&other, &placed).unwrap();
        let told = install(&folders, &one, None).unwrap();
        assert_eq!(told.matches(LEFT).count(), 2, "{told}");
        let changed = path_in(&folders, Folder::Library, "plugins/strace2pcap.lua");
        let text = fs::read_to_string(&changed).unwrap();
        fs::write(&changed, text + "-- more\n").unwrap();
        let told = uninstall(&folders, &two).unwrap();
        assert_eq!((told.matches(LEFT).count(), told.matches("removed ").count()), (3, 3), "{told}");
        assert_eq!(fs::read_to_string(&foreign).unwrap(), "mine\n");
        assert!(fs::read_to_string(&changed).unwrap().ends_with("-- more\n"));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn where_it_is_for_all_it_is_not_there_twice() {
        let (root, folders) = folders("system");
        let told = install(&folders, Path::new("/a/strace2pcap"), Some("/usr/x/strace2pcap".into())).unwrap();
        assert!(told.starts_with("is there for all /usr/x/strace2pcap\n") && !told.contains("linked"), "{told}");
        fs::remove_dir_all(root).unwrap();
    }
}
