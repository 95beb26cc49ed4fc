use super::*;

/// A socket that listens on a port, as the kernel lists it.
fn listening(port: u16) -> String {
    format!(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             \x20  0: 0100007F:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0\n"
    )
}

#[test]
fn in_a_container_the_sockets_are_those_of_the_host() {
    let root = tempfile::tempdir().expect("a folder");
    for (folder, port) in [("proc/net", 80), ("proc/1/net", 8080)] {
        let folder = root.path().join(folder);
        fs::create_dir_all(&folder).expect("created");
        fs::write(folder.join("tcp"), listening(port)).expect("written");
    }
    let table = Table::new(&HostRoot::new(root.path()));
    let found = |port| table.listening(port).expect("readable").len();
    assert_eq!((found(80), found(8080)), (0, 1));
    assert_eq!(HostRoot::new("/").net(), Path::new("/proc/net"));
}

#[test]
fn a_process_that_executes_another_program_of_its_interpreter_has_its_new_command_line() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("proc/1");
    fs::create_dir_all(&folder).expect("created");
    let own = fs::read_to_string("/proc/self/stat").expect("readable");
    let (_, rest) = own.rsplit_once(')').expect("a name");
    fs::write(folder.join("stat"), format!("1 (python3){rest}")).expect("written");
    let mut table = Table::new(&HostRoot::new(root.path()));
    let start = Instant::now();
    let mut cmdline_at = |seconds: u64, args: &str| {
        fs::write(folder.join("cmdline"), args).expect("written");
        let now = start + Duration::from_secs(seconds);
        table.refresh(now).expect("readable");
        let names = table.names(table.at(0)).expect("listed");
        names.cmdline.clone()
    };
    for seconds in [0, 10] {
        assert_eq!(cmdline_at(seconds, "python3\0wait.py\0"), "python3 wait.py");
    }
    assert_eq!(cmdline_at(20, "python3\0app.py\0"), "python3 wait.py");
    assert_eq!(cmdline_at(70, "python3\0app.py\0"), "python3 app.py");
}

#[test]
fn a_process_that_ends_while_it_is_read_is_not_running() {
    let path = Path::new("/proc/7/stat");
    let read = |error| if_running(path, Err(io::Error::from_raw_os_error(error)));
    for ended in [Errno::NOENT, Errno::SRCH] {
        assert_eq!(read(ended.raw_os_error()), Ok(None), "{ended}");
    }
    assert_eq!(read(Errno::ACCESS.raw_os_error()), Err(Unreadable::Hidden));
    assert!(matches!(
        read(Errno::IO.raw_os_error()),
        Err(Unreadable::File { .. })
    ));
}

#[test]
fn a_folder_without_processes_is_not_proc() {
    let empty = tempfile::tempdir().expect("a folder");
    let missing = empty.path().join("missing");
    let fails = |root: &Path| {
        let mut table = Table::new(&HostRoot::new(root));
        table.refresh(Instant::now()).expect_err("no processes")
    };
    assert!(matches!(fails(&missing), Unreadable::File { .. }));
    let proc = empty.path().join("proc");
    fs::create_dir(&proc).expect("created");
    assert!(matches!(fails(empty.path()), Unreadable::NotMounted));
    // Only our own process, as if processes of other users were hidden.
    let (own, fake) = (Path::new("/proc/self"), proc.join("77"));
    fs::create_dir(&fake).expect("created");
    fs::copy(own.join("stat"), fake.join("stat")).expect("copied");
    assert!(matches!(fails(empty.path()), Unreadable::Hidden));
}
