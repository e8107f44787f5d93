#!/usr/bin/env python3
"""Each layer of the sandbox taken away: exactly the attacks that it holds get through: removal.py CARAT-TOOL ATTACK WITHOUT.

A suite that stays green without a layer does not test it. WITHOUT is preloaded into carat-tool; the program itself has no
such switch. A row with two layers says what the layer behind holds when the first is gone; Landlock above all, which is the
second line behind the mounts, so that its row needs a mount made wrongly on purpose.
"""
import os
import subprocess
import sys

from world import ORDINARY_USER, PATIENCE, Programs, World, breaches, controls, identity, refusal

NETWORK = {"tcp", "udp", "tcp_fast_open", "take_port"}
LOCAL = {"pathname_socket", "pathname_datagram", "datagram_pair"}
KERNEL = {"host_shared_memory", "shared_memory", "set_user_id", "set_user_id_open", "vsock", "kobject_netlink", "io_uring",
          "user_fault", "keyring", "session_keyring", "i386_socket", "performance_events", "type_into_own_terminal"}
PROTECTED = {"write_git_config", "create_git_hook", "replace_git", "nested_git_config", "nested_git_hook", "redirect_worktree"}
PINNED = {"replace_git", "replace_nested_git", "replace_parent_of_nested_git", "replace_grandparent_of_nested_git"}
PERMISSIONS = {"chmod_outside", "chown_outside", "touch_outside", "attribute_outside"}  # which Landlock does not know
WRITING = {"create_outside", "append_outside", "truncate_outside", "unlink_outside", "through_symlink", "through_own_root"}
REMOVALS = [
    ("network", NETWORK),
    ("home,unchecked", {"read_home"}),
    ("protected,unchecked", PROTECTED),
    ("pinned,unchecked", PINNED),
    ("limits", {"huge_file", "many_processes", "many_descriptors"}),
    ("memory", {"much_memory"}),
    ("seccomp", LOCAL | KERNEL),
    ("mistake,unchecked", set()),  # the namespace around bubblewrap has no such place to give
    ("mistake,unchecked,outer", PERMISSIONS),
    ("mistake,unchecked,outer,landlock", PERMISSIONS | WRITING),
    ("outer", set()),  # the mounts that bubblewrap makes stand without it
    ("unchecked", set()),  # the mounts are right without a look at them
    ("landlock", set()),  # the mounts stand before it
    ("session", set()),  # the shell gives each command a session too
    ("descriptors", set()),
]
# Without these the second stage refuses to begin: it looks at what it finds itself in.
REFUSED = ("processes", "home", "mistake,outer")
# A machine without the feature shows nothing of it, and its mounts may be made by another bubblewrap.
MAY_BE_ABSENT = {"vsock", "kobject_netlink", "io_uring", "user_fault", "keyring", "session_keyring", "i386_socket",
                 "performance_events", "tcp_fast_open", "attribute_outside", "type_into_own_terminal"}
COUNTED_TOGETHER = {"many_processes", "much_memory"}  # by the control group where there is one


def led_out(programs, user, layers):
    """bubblewrap is told to mount on a name in the workspace that leads out of it: what it made there, exit status and words."""
    world = World(programs, user)
    try:
        os.symlink("/oldroot" + world.outside + "/made", world.work + "/door")
        run = subprocess.run([programs.tool, "shell", "--workspace", world.work, "--self-test"], capture_output=True, text=True, timeout=PATIENCE,
                             env=dict(world.env, LD_PRELOAD=programs.others[0], WALLS_WITHOUT=f",{layers},", WALLS_MISTAKE=world.work + "/door"),
                             **identity(user))
        return world.changes(), run.returncode, run.stdout + run.stderr
    finally:
        world.close()


def wrong_led_out(programs, user):
    """What is wrong with the namespace around bubblewrap; and its absence is said."""
    held, code, words = led_out(programs, user, "led")
    free, _, _ = led_out(programs, user, "led,outer")
    _, whole, report = led_out(programs, user, "outer")
    print(f"bubblewrap led out of the workspace: exit {code}, {held or 'nothing'} made; without the namespace around it: {free or 'nothing'}")
    return [text for text, is_wrong in [
        (f"led out bubblewrap makes {held}, exit {code}: {words}", held or code != 56),
        ("led out bubblewrap makes nothing even without the namespace around it", not free),
        (f"without the namespace around bubblewrap: {whole} {report}", whole != 0 or "forbids the namespace around bubblewrap" not in report)] if is_wrong]


def wrong_without_libraries(programs, user):
    """What fails inside is said, and not taken for namespaces that could not be made."""
    world = World(programs, user)
    try:
        with open(world.root + "/policy.json", "w") as file:
            file.write('{"hosts": ["example.org"]}')
        run = subprocess.run([programs.tool, "http", "--workspace", world.work, "--policy", world.root + "/policy.json"], capture_output=True, text=True,
                             env=dict(world.env, LD_PRELOAD=programs.others[0], WALLS_WITHOUT=",libraries,"), stdin=subprocess.DEVNULL,
                             timeout=PATIENCE, **identity(user))
        said = run.stderr.count("cannot be loaded") == 1 and "bubblewrap" not in run.stderr
        return [] if run.returncode == 56 and said else [f"without libraries: {run.returncode} {run.stderr}"]
    finally:
        world.close()


MOUNT_LATER = """
mount --make-rshared / || exit 1
"$@" &
while [ ! -e started ]; do kill -0 $! || exit 1; sleep 0.05; done
mount -t tmpfs later later || exit 1
: > mounted
wait $!
"""
LOOK_LATER = ": > started; while [ ! -e mounted ]; do sleep 0.05; done; grep -c /work/later /proc/self/mountinfo; true"


def mounted_later(programs, layers):
    """How many mounts a command sees of one that the host makes in the workspace while it runs."""
    world = World(programs)
    try:
        os.mkdir(world.work + "/later")
        tool = ["env", "LD_PRELOAD=" + programs.others[0], f"WALLS_WITHOUT=,{layers},", programs.tool, "shell", "--workspace", world.work, "--run", "--"]
        run = subprocess.run(["unshare", "-m", "sh", "-c", MOUNT_LATER, "sh", *tool, "sh", "-c", LOOK_LATER], cwd=world.work, env=world.env,
                             capture_output=True, text=True, timeout=PATIENCE)
        return run.stdout.strip() if run.returncode == 0 else run.stderr
    finally:
        world.close()


def wrong_mounted_later(programs):
    if os.getuid() != 0:  # nobody else can mount as a host does: in a user namespace bubblewrap is not root's
        return []
    held, free = mounted_later(programs, ""), mounted_later(programs, "outer")
    print(f"mounted while a command runs: it sees {held}; without the namespace around bubblewrap: {free}")
    return [f"mounted while a command runs: it sees {held}, without the namespace around bubblewrap {free}"] if held != "0" or not free.isdigit() or free == "0" else []


def main():
    programs = Programs(*sys.argv[1:4])
    user = ORDINARY_USER if os.getuid() == 0 else None
    wrong = []
    try:
        working = set(controls(programs, user))
        for layers, expected in REMOVALS:
            def env(world, layers=layers):
                return {"LD_PRELOAD": programs.others[0], "WALLS_WITHOUT": f",{layers},", "WALLS_MISTAKE": world.outside}
            effects = breaches(programs, user, sorted(working), env)
            through = set(effects)
            missing = (expected & working) - through - MAY_BE_ABSENT - COUNTED_TOGETHER
            extra = through - expected
            if extra:  # a hole stays one, noise of the machine does not
                print(f"without {layers}: {', '.join(f'{case} {effects[case]}' for case in sorted(extra))}: once more")
                effects = breaches(programs, user, sorted(extra), env)
                extra = set(effects)
            print(f"without {layers}: {len(through)} got through: {', '.join(sorted(through)) or 'none'}", flush=True)
            wrong += [f"without {layers}: {case} is still blocked" for case in sorted(missing)]
            wrong += [f"without {layers}: {case} got through unexpectedly: {effects[case]}" for case in sorted(extra)]
        wrong += wrong_led_out(programs, user) + wrong_mounted_later(programs) + wrong_without_libraries(programs, user)
        for layer in REFUSED:
            code, words = refusal(programs, {"LD_PRELOAD": programs.others[0], "WALLS_WITHOUT": f",{layer},",
                                             "WALLS_MISTAKE": "/usr"})
            print(f"without {layer}: exit {code}")
            if code != 56:
                wrong.append(f"without {layer}: carat-tool ended with {code}, not 56: {words}")
    finally:
        programs.close()
    print("\n".join(wrong))
    return 1 if wrong else 0


sys.exit(main())
