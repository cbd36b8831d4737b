"""The sweep: what runs on the audited host, once, and prints every host fact as one document.

It is sent as text over the shell and never imported by the package: the host needs only a
Python of 3.6 or later, its standard library, and root. So it imports nothing of ours, uses no
newer syntax, changes nothing, and lets one fact fail without taking the others with it: every
section prints either its value or the reason why there is none.

The kernel side is read for all containers in one pass over /proc, so that the cost is that of
reading files, whatever the number of controls.
"""

import base64
import ctypes
import glob
import json
import os
import platform
import re
import socket
import ssl
import stat
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

CLONE_NEWNET = 0x40000000
PROBE_SECONDS = 5
COMMAND_SECONDS = 120
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
STATUS_FIELDS = ("Uid", "Gid", "Groups", "NSpid", "CapBnd", "CapEff", "NoNewPrivs", "Seccomp")
# Further words on a command line that make a process a helper of the daemon, not the daemon:
# lxd/main.go registers them as subcommands.
DAEMON_HELPERS = (
    "activateifneeded",
    "callhook",
    "cluster",
    "import",
    "init",
    "migratedumpsuccess",
)
DAEMON_HELPERS += ("netcat", "recover", "shutdown", "sql", "version", "waitready")
DAEMON_ENVIRONMENT = ("LISTEN_FDS", "LXD_DIR", "LXD_INSECURE_TLS", "SNAP", "SNAP_NAME")
CONF_KEYS = ("accept_ra", "disable_ipv6", "forwarding", "autoconf", "accept_ra_defrtr")


def read(path, size=1 << 22):
    with open(path, "rb") as file:
        return file.read(size).decode("utf-8", "backslashreplace")


def run(*argv):
    """A command's exit status and output, in the C locale."""
    env = dict(os.environ, LC_ALL="C", LANGUAGE="C")
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        timeout=COMMAND_SECONDS,
    )
    return (
        done.returncode,
        done.stdout.decode("utf-8", "backslashreplace"),
        done.stderr.decode("utf-8", "backslashreplace"),
    )


# --- files -----------------------------------------------------------------------------------


def file_facts(path, follow=True):
    """Owner, mode, kind, identity and access list of a path; its error where there is none."""
    facts = {
        "path": path,
        "exists": True,
        "error": "",
        "uid": -1,
        "gid": -1,
        "mode": 0,
        "kind": "",
        "device": -1,
        "inode": -1,
        "acl": "",
    }
    try:
        found = os.stat(path) if follow else os.lstat(path)
    except OSError as error:
        if error.errno in (2, 20):  # ENOENT, ENOTDIR
            return dict(facts, exists=False)
        return dict(facts, error=error.strerror)
    return {
        "path": path,
        "exists": True,
        "error": "",
        "uid": found.st_uid,
        "gid": found.st_gid,
        "mode": stat.S_IMODE(found.st_mode),
        "kind": kind_of(found.st_mode),
        "device": found.st_dev,
        "inode": found.st_ino,
        "acl": acl_of(path),
    }


def kind_of(mode):
    kinds = ("socket", "directory", "file", "link", "block", "char", "fifo")
    tests = (stat.S_ISSOCK, stat.S_ISDIR, stat.S_ISREG, stat.S_ISLNK, stat.S_ISBLK)
    tests += (stat.S_ISCHR, stat.S_ISFIFO)
    return next((kind for kind, test in zip(kinds, tests) if test(mode)), "other")


def acl_of(path):
    """The POSIX access list as hexadecimal, "" where there is none (ENODATA, EOPNOTSUPP)."""
    try:
        return os.getxattr(path, "system.posix_acl_access").hex()
    except OSError as error:
        if error.errno in (61, 95):
            return ""
        raise


def parents_of(path):
    parents = []
    while path not in ("/", ""):
        path = os.path.dirname(path)
        parents.append(path or "/")
    return parents


# --- the operating system --------------------------------------------------------------------


def section_os(_):
    release = read("/etc/os-release") if os.path.exists("/etc/os-release") else ""
    fields = dict(re.findall(r'^([A-Z_]+)="?(.*?)"?$', release, re.MULTILINE))
    wanted = ("ID", "ID_LIKE", "NAME", "PRETTY_NAME", "VERSION_ID", "VERSION_CODENAME")
    return {
        "release": {key: fields[key] for key in wanted + ("SUPPORT_END",) if key in fields},
        "kernel": platform.release(),
        "hostname": socket.gethostname(),
    }


def section_packages(_):
    if os.path.exists("/usr/bin/apt-get") and os.path.exists("/var/lib/dpkg/status"):
        return {"manager": "apt", "apt": apt_facts(), "lxd": dpkg_version("lxd")}
    manager = next((tool for tool in ("dnf", "yum", "zypper") if on_path(tool)), "")
    return {"manager": manager, "apt": None, "lxd": ""}


def on_path(tool):
    places = os.environ.get("PATH", "").split(os.pathsep) + ["/usr/sbin", "/sbin", "/usr/bin"]
    return any(os.access(os.path.join(place, tool), os.X_OK) for place in places if place)


def apt_facts():
    status, output, errors = run(
        "apt-get",
        "-s",
        "-o",
        "Debug::NoLocking=1",
        "-o",
        "APT::Get::Show-User-Simulation-Note=no",
        "dist-upgrade",
    )
    if status != 0:
        raise RuntimeError("apt-get -s dist-upgrade: " + last_line(errors))
    _, policy, _ = run("apt-cache", "policy")
    _, held, _ = run("apt-mark", "showhold")
    return {
        "upgrades": [upgrade for upgrade in map(apt_upgrade, output.splitlines()) if upgrade],
        "kept_back": kept_back(output),
        "held": held.split(),
        "index_time": apt_index_time(),
        "has_security_source": has_security_source(policy),
    }


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no message"


def apt_upgrade(line):
    """`Inst NAME [OLD] (NEW ORIGIN, ORIGIN [ARCH])`, as apt-get -s prints it."""
    match = re.match(r"Inst (\S+) (?:\[([^]]*)\] )?\((\S+) (.*?)(?: \[[^]]*\])?\)", line)
    if not match or match.group(2) is None:  # without [OLD] it is a new dependency, no update
        return None
    name, old, new, origin = match.groups()
    return {
        "name": name,
        "installed": old,
        "candidate": new,
        "origin": origin,
        "is_security": "security" in origin.lower(),
    }


def kept_back(output):
    names, reading = [], False
    for line in output.splitlines():
        if line.startswith("The following packages have been kept back"):
            reading = True
        elif reading and line.startswith(" "):
            names += line.split()
        else:
            reading = False
    return names


def apt_index_time():
    """When the package index was last brought up to date, in seconds; 0 for never.

    A repository that has not changed keeps the time of its own file, so apt's stamp of the
    last successful update counts too.
    """
    files = glob.glob("/var/lib/apt/lists/*Release") + glob.glob("/var/lib/apt/lists/partial")
    files += ["/var/lib/apt/periodic/update-success-stamp", "/var/cache/apt/pkgcache.bin"]
    times = [os.stat(path).st_mtime for path in files if os.path.exists(path)]
    has_lists = any(path.endswith("Release") for path in files[:-2])
    return int(max(times)) if times and has_lists else 0


def has_security_source(policy):
    return any("security" in line.lower() for line in policy.splitlines() if "release " in line)


def dpkg_version(package):
    status, output, _ = run("dpkg-query", "-W", "-f=${Version}", package)
    return output.strip() if status == 0 else ""


# --- processes and daemons -------------------------------------------------------------------


def process_ids():
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())


def status_of(pid):
    fields = dict(
        line.split(":\t", 1)
        for line in read("/proc/%d/status" % pid).splitlines()
        if ":\t" in line
    )
    return {key: fields[key].strip() for key in STATUS_FIELDS if key in fields}


def stat_of(pid):
    """Parent and start time (clock ticks since boot) of a process."""
    words = read("/proc/%d/stat" % pid).rpartition(")")[2].split()
    return int(words[1]), int(words[19])


def arguments_of(pid):
    text = read("/proc/%d/cmdline" % pid)
    return [word for word in text.split("\0") if word] if "\0" in text else [text]


def link_of(pid, name):
    return os.readlink("/proc/%d/%s" % (pid, name))


def is_daemon(pid, words):
    """Whether a process is a LXD daemon, and not one of its own helpers (fork*, monitors)."""
    if not words or words[0].startswith("[lxc monitor]"):
        return False
    exe = os.path.basename(link_of(pid, "exe").replace(" (deleted)", ""))
    verbs = [word for word in words[1:2] if not word.startswith("-")]
    helper = any(word.startswith("fork") or word in DAEMON_HELPERS for word in verbs)
    return exe in ("lxd", "lxd.debug") and not helper


def section_daemons(_):
    """Every LXD daemon in this process namespace. A nested one belongs to its container."""
    depth = len(status_of(os.getpid())["NSpid"].split())
    return [daemon_facts(pid) for pid in process_ids() if is_own_daemon(pid, depth)]


def is_own_daemon(pid, depth):
    try:
        if not is_daemon(pid, arguments_of(pid)):
            return False
        return len(status_of(pid)["NSpid"].split()) == depth
    except (OSError, KeyError):
        return False  # it ended while we looked, or it is a thread of the kernel


def daemon_facts(pid):
    text = read("/proc/%d/environ" % pid)
    environment = dict(pair.split("=", 1) for pair in text.split("\0") if "=" in pair)
    exe = link_of(pid, "exe")
    return {
        "pid": pid,
        "start_time": stat_of(pid)[1],
        "exe": exe.replace(" (deleted)", ""),
        "is_deleted": exe.endswith(" (deleted)"),
        "arguments": arguments_of(pid)[1:],
        "environment": {k: environment[k] for k in DAEMON_ENVIRONMENT if k in environment},
        "uid": int(status_of(pid)["Uid"].split()[1]),
        "gid": int(status_of(pid)["Gid"].split()[1]),
        "network_namespace": link_of(pid, "ns/net"),
        "namespaces": {name: link_of(pid, "ns/" + name) for name in NAMESPACES},
    }


def socket_inodes(pid):
    inodes = set()
    for name in os.listdir("/proc/%d/fd" % pid):
        try:
            match = re.match(r"socket:\[(\d+)\]", link_of(pid, "fd/" + name))
        except OSError:
            continue  # closed while we looked
        if match:
            inodes.add(int(match.group(1)))
    return inodes


# --- sockets ---------------------------------------------------------------------------------


def section_sockets(facts):
    """Every unix socket on which a daemon listens for the API, with the way to it."""
    found = []
    for daemon in facts["daemons"]:
        for path in api_socket_paths(daemon["pid"]):
            found.append(socket_facts(daemon, path))
    return found


def api_socket_paths(pid):
    """Listening stream sockets of the daemon that are its API.

    The daemon's other sockets (devlxd, seccomp, the containers' command sockets) speak other
    protocols or are meant for the instances: lxd/endpoints/endpoints.go.
    """
    inodes = socket_inodes(pid)
    paths = set()
    for line in read("/proc/%d/net/unix" % pid).splitlines()[1:]:
        words = line.split(None, 7)
        if len(words) < 8 or words[3] != "00010000" or int(words[6]) not in inodes:
            continue  # 00010000 is __SO_ACCEPTCON: it listens
        name = os.path.basename(words[7])
        if name not in ("sock", "seccomp.socket") and not words[7].startswith("@"):
            paths.add(words[7])
    return sorted(paths)


def socket_facts(daemon, path):
    root = "/proc/%d/root" % daemon["pid"]
    real = resolve(root, path)
    way = [dict(file_facts(root + parent), path=parent) for parent in parents_of(real)]
    return {
        "daemon": daemon["pid"],
        "directories": way,
        "file": dict(file_facts(root + real), path=path),
    }


def section_admin_group(facts):
    """The group that the daemon was told to give its socket to, and who told it so."""
    return [admin_group(daemon) for daemon in facts["daemons"]]


def admin_group(daemon):
    told = {"daemon": daemon["pid"], "name": "", "source": ""}
    if daemon["environment"].get("SNAP_NAME") == "lxd":
        config = "/var/snap/lxd/common/config"
        match = re.search(r"^daemon_group=[\"']?([^\"'\n]*)", read(config), re.MULTILINE)
        return dict(
            told, name=match.group(1) if match else "lxd", source="snap get lxd daemon.group"
        )
    if "LISTEN_FDS" in daemon["environment"]:
        _, output, _ = run("systemctl", "show", "lxd.socket", "-p", "SocketGroup", "--value")
        return dict(told, name=output.strip() or "root", source="SocketGroup of lxd.socket")
    words = daemon["arguments"]
    for index, word in enumerate(words):
        if word.startswith("--group="):
            return dict(told, name=word.split("=", 1)[1], source="lxd --group")
        if word == "--group" and index + 1 < len(words):
            return dict(told, name=words[index + 1], source="lxd --group")
    # Without a group LXD keeps that of its own process: lxd/endpoints/local.go, localSetAccess.
    name = next((g["name"] for g in groups() if g["gid"] == daemon["gid"]), str(daemon["gid"]))
    return dict(told, name=name, source="group of the lxd process")


def section_listeners(facts):
    """TCP sockets that our daemon listens on, in its own network namespace."""
    pid = facts["server"]["pid"]
    inodes = socket_inodes(pid)
    return [
        entry
        for family in ("tcp", "tcp6")
        for entry in listening(read("/proc/%d/net/%s" % (pid, family)), family, inodes)
    ]


def listening(table, family, inodes):
    for line in table.splitlines()[1:]:
        words = line.split()
        if words[3] == "0A" and int(words[9]) in inodes:
            address, port = words[1].split(":")
            yield {"family": family, "address": address_of(address), "port": int(port, 16)}


def address_of(text):
    """`/proc/net/tcp*` writes 32-bit words in host byte order."""
    raw = bytes.fromhex(text)
    if sys.byteorder == "little":
        raw = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


# --- probing the listener as a stranger ------------------------------------------------------


def section_strangers(facts):
    """What a client without a certificate is told, asked from the daemon's own network."""
    requests = facts["arguments"].get("endpoints", [])
    doors = sorted({(door["address"], door["port"]) for door in facts["listeners"]})
    return in_network_of(facts["server"]["pid"], lambda: [ask(door, requests) for door in doors])


def in_network_of(pid, question):
    """Ask within another process's network namespace, in a thread made for it: setns moves the
    calling thread only, and has no sure way back."""

    def asked():
        enter_network(pid)
        return question()

    with ThreadPoolExecutor(1) as once:
        return once.submit(asked).result()


def enter_network(pid):
    with open("/proc/%d/ns/net" % pid, "rb") as namespace:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, "setns: " + os.strerror(number))


def ask(door, paths):
    address, port = door
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    result = {"address": door[0], "port": port, "answers": [], "error": "", "tls": ""}
    for path in paths:
        try:
            tls, answer = stranger_get(address, port, path)
        except (OSError, ValueError) as error:
            result["error"] = reason_of(error)
            break
        result["tls"] = tls
        result["answers"].append(dict(answer, path=path))
    return result


def stranger_get(address, port, path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # we ask what it tells a stranger, not who it is
    host = "[%s]" % address if ":" in address else address
    with socket.create_connection((address, port), PROBE_SECONDS) as plain:
        with context.wrap_socket(plain) as secure:
            request = "GET %s HTTP/1.1\r\nHost: %s:%d\r\nConnection: close\r\n\r\n"
            secure.sendall((request % (path, host, port)).encode())
            return secure.version(), stranger_answer(received(secure))


def received(secure, limit=1 << 20):
    text = b""
    until = time.monotonic() + PROBE_SECONDS
    while len(text) < limit and time.monotonic() < until:
        try:
            part = secure.recv(65536)
        except ssl.SSLError:
            break  # LXD closes without a TLS goodbye
        if not part:
            break
        text += part
    return text


def stranger_answer(text):
    head, _, body = text.partition(b"\r\n\r\n")
    match = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    if not match:
        raise ValueError("the listener does not speak HTTP")
    if b"transfer-encoding: chunked" in head.lower():
        body = unchunked(body)
    try:
        document = json.loads(body.decode())
    except ValueError:
        document = None
    metadata = document.get("metadata") if isinstance(document, dict) else None
    told = metadata if isinstance(metadata, dict) else {}
    return {
        "status": int(match.group(1)),
        "is_json": isinstance(document, dict),
        "auth": str(told.get("auth", "")),
        # Not their values: whatever a stranger is told may be a secret that should not leak.
        "environment": sorted(told["environment"]) if told.get("environment") else [],
        "config": sorted(told["config"]) if told.get("config") else [],
    }


def unchunked(body):
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16)
        whole, body = whole + body[:length], body[length + 2 :]
        if length == 0:
            break
    return whole


# --- accounts --------------------------------------------------------------------------------


def groups():
    status, output, _ = run("getent", "group")
    if status != 0:
        raise RuntimeError("getent group failed")
    return [
        {"name": name, "gid": int(gid), "members": [m for m in members.split(",") if m]}
        for name, _, gid, members in (line.split(":")[:4] for line in output.splitlines())
    ]


def section_accounts(facts):
    status, output, _ = run("getent", "passwd")
    if status != 0:
        raise RuntimeError("getent passwd failed")
    fields = [line.split(":") for line in output.splitlines()]
    users = [{"name": f[0], "uid": int(f[2]), "gid": int(f[3]), "shell": f[6]} for f in fields]
    return {"users": users, "groups": known_groups(facts)}


def known_groups(facts):
    """All groups that can be listed, and those of the sockets, which some directories only
    give when asked for by number."""
    listed = groups()
    gids = {entry["file"]["gid"] for entry in facts.get("sockets", [])} - {-1}
    for gid in sorted(gids - {group["gid"] for group in listed}):
        _, output, _ = run("getent", "group", str(gid))
        for line in output.splitlines():
            name, _, number, members = line.split(":")[:4]
            listed.append({"name": name, "gid": int(number), "members": members.split(",")})
    return listed


def section_subordinate_ids(_):
    found = {}
    for name in ("subuid", "subgid"):
        path = "/etc/" + name
        found[name] = read(path) if os.path.exists(path) else ""
    return found


# --- the kernel ------------------------------------------------------------------------------


def section_kernel_files(_):
    paths = ("/sys/kernel/slab", "/proc/sched_debug", "/sys/kernel/debug")
    return [file_facts(path) for path in paths + ("/sys/kernel/debug/sched/debug",)]


def section_network(facts):
    """Per-interface settings and learnt routes, in the daemon's network namespace."""
    return in_network_of(facts["server"]["pid"], network_facts)


def network_facts():
    base = "/proc/sys/net/ipv6/conf"
    names = sorted(os.listdir(base)) if os.path.isdir(base) else []
    indexes = {name: index for index, name in socket.if_nameindex()}
    return {
        "has_ipv6": os.path.isdir(base),
        "interfaces": [
            {
                "name": name,
                "index": indexes.get(name, 0),
                "ipv6": {key: number_in(os.path.join(base, name, key)) for key in CONF_KEYS},
            }
            for name in names
        ],
        "learnt_routes": advertised_routes(),
    }


def number_in(path):
    return int(read(path)) if os.path.exists(path) else None


def advertised_routes():
    """Routes with RTF_ADDRCONF (0x40000): learnt from a router advertisement, linux/ipv6_route.h."""
    path = "/proc/thread-self/net/ipv6_route"  # "self" would be the main thread's namespace
    lines = read(path).splitlines() if os.path.exists(path) else []
    rows = [line.split() for line in lines]
    return [
        {
            "to": "%s/%d"
            % (socket.inet_ntop(socket.AF_INET6, bytes.fromhex(row[0])), int(row[1], 16)),
            "via": socket.inet_ntop(socket.AF_INET6, bytes.fromhex(row[4])),
            "interface": row[9],
        }
        for row in rows
        if int(row[8], 16) & 0x00040000
    ]


def section_containers(facts):
    """The kernel's view of every container of our daemon, by its liblxc monitor.

    `[lxc monitor] LXCPATH NAME` is the title liblxc gives the process that is the parent of a
    container's init (src/lxc/lxccontainer.c). Anybody may take that title, so only a monitor
    in the daemon's own process and user namespace counts, running as root.
    """
    server = facts["server"]
    parents = {}
    monitors = {}
    for pid in process_ids():
        try:
            parents.setdefault(stat_of(pid)[0], []).append(pid)
            words = arguments_of(pid)[0]
            if words.startswith("[lxc monitor] ") and is_monitor(pid, server):
                path, _, name = words[len("[lxc monitor] ") :].rpartition(" ")
                monitors[pid] = (path, name)
        except (OSError, IndexError, ValueError):
            continue  # it ended while we looked, or it is a zombie without a command line
    pairs = [
        (path, name, child)
        for pid, (path, name) in sorted(monitors.items())
        for child in parents.get(pid, [])
    ]
    found = [container_facts(path, name, child) for path, name, child in pairs]
    return [facts for facts in found if facts]


def is_monitor(pid, server):
    same = all(
        link_of(pid, "ns/" + name) == server["namespaces"][name] for name in ("pid", "user")
    )
    return same and status_of(pid)["Uid"].split() == ["0"] * 4


def container_facts(path, name, pid):
    """What the kernel holds of a container's init; its start time is read before and after, so
    that the facts of a process that took over the number are never taken for its."""
    try:
        _, before = stat_of(pid)
        status = status_of(pid)
        if status["NSpid"].split()[-1] != "1":
            return None  # a helper of the monitor, not the container's init
        facts = {
            "lxc_path": path,
            "lxc_name": name,
            "pid": pid,
            "start_time": before,
            "status": status,
            "uid_map": read("/proc/%d/uid_map" % pid),
            "gid_map": read("/proc/%d/gid_map" % pid),
            "namespaces": {space: link_of(pid, "ns/" + space) for space in NAMESPACES},
            "label": label_of(pid),
        }
        return facts if stat_of(pid)[1] == before else None
    except (OSError, KeyError):
        return None  # it ended while we looked: the API's running instance will lack its facts


def label_of(pid):
    """The security module's label of a process; "" where the kernel has no such module."""
    try:
        return read("/proc/%d/attr/current" % pid).strip("\0\n ")
    except OSError as error:
        if error.errno == 22:
            return ""
        raise


# --- paths that devices name -----------------------------------------------------------------


def section_paths(facts):
    """Where the paths of the instances' devices really lead, as the daemon sees them."""
    root = "/proc/%d/root" % facts["server"]["pid"]
    return [path_facts(root, path) for path in facts["arguments"].get("paths", [])]


def path_facts(root, path):
    real = resolve(root, path)
    return {"path": path, "file": dict(file_facts(root + real), path=real)}


def resolve(root, path, limit=40):
    """`realpath` below another process's root, whose absolute symlinks start there."""
    done, rest = "", [part for part in path.split("/") if part not in ("", ".")]
    while rest:
        part = rest.pop(0)
        if part == "..":
            done = os.path.dirname(done)
            continue
        step = done + "/" + part
        if limit and os.path.islink(root + step):
            limit -= 1
            target = os.readlink(root + step)
            done = "" if target.startswith("/") else done
            rest = [p for p in target.split("/") if p not in ("", ".")] + rest
        else:
            done = step
    return done or "/"


# --- putting it together ---------------------------------------------------------------------


def find_server(facts):
    """The daemon behind the API that was asked: the one with the process id it told us.

    It tells its number in its own process namespace, so the last of NSpid is compared; where
    several have it, or none, nothing of the kernel's view can be told.
    """
    wanted = facts["arguments"].get("server_pid")
    path = facts["arguments"].get("socket", "")
    found = [
        d for d in facts["daemons"] if int(status_of(d["pid"])["NSpid"].split()[-1]) == wanted
    ]
    if len(found) > 1 and path:
        found = [d for d in found if path in api_socket_paths(d["pid"])]
    if len(found) != 1:
        raise RuntimeError(
            "%d LXD daemons of this host have the process id %s that the API "
            "gives" % (len(found), wanted)
        )
    return found[0]


SECTIONS = (
    ("os", section_os),
    ("packages", section_packages),
    ("daemons", section_daemons),
    ("server", find_server),
    ("sockets", section_sockets),
    ("admin_groups", section_admin_group),
    ("accounts", section_accounts),
    ("subordinate_ids", section_subordinate_ids),
    ("listeners", section_listeners),
    ("strangers", section_strangers),
    ("kernel_files", section_kernel_files),
    ("network", section_network),
    ("containers", section_containers),
    ("paths", section_paths),
)


def reason_of(error):
    text = " ".join(str(error).split())
    return text or type(error).__name__


def gather(arguments):
    """Every section's value or reason; a section that builds on a missing one says which."""
    facts = {"arguments": arguments}
    document = {"time": int(time.time()), "uid": os.geteuid(), "sections": {}}
    with ThreadPoolExecutor(1) as background:
        # The package manager takes longest and needs nothing of the others.
        packages = background.submit(section_packages, facts)
        for name, section in SECTIONS:
            try:
                value = packages.result() if name == "packages" else section(facts)
            except KeyError as error:
                document["sections"][name] = {"error": "needs %s, which is missing" % error}
            except Exception as error:  # one fact may fail; its reason is the evidence
                document["sections"][name] = {"error": reason_of(error)}
            else:
                facts[name] = value
                document["sections"][name] = {"value": value}
    return document


def main():
    arguments = json.loads(zlib.decompress(base64.b64decode(sys.argv[1])).decode())
    document = json.dumps(gather(arguments), separators=(",", ":")).encode()
    sys.stdout.write(
        "<lxdsec\n%s\nlxdsec>\n" % base64.b64encode(zlib.compress(document, 6)).decode()
    )


if __name__ == "__main__":
    main()
