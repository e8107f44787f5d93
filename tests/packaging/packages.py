#!/usr/bin/env python3
"""packages.py CASE SOURCE-FOLDER: the packages as a user meets them: built, unpacked elsewhere, and run."""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

CASE, SOURCE = sys.argv[1], os.path.abspath(sys.argv[2])
PATIENCE = 600


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, **more)
    if done.returncode != 0:
        raise AssertionError(f"{words}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def build(kind, source, out):
    os.makedirs(out, exist_ok=True)
    epoch = "1767225600"  # not of this machine: the sources may come without their history
    path = run(os.path.join(source, "packaging", "build-" + kind), out, env=dict(os.environ, SOURCE_DATE_EPOCH=epoch)).strip()
    check(os.path.exists(path), path)
    return path


def try_it(programs, root):
    """A question that needs a tool, and one that needs the model's encoders beside it; the home holds the programs."""
    work = os.path.join(root, "work")
    os.mkdir(work)
    with open(os.path.join(work, "river.txt"), "w") as file:
        file.write("hello\n")
    env = dict(os.environ, HOME=root, CARAT_HOME=os.path.join(root, "state"), LC_ALL="C.UTF-8")
    env.pop("LD_LIBRARY_PATH", None)
    carat = os.path.join(programs, "carat")
    check(run(carat, "--version", env=env).startswith("carat "), "version")
    check("river.txt" in run(carat, "exec", "list the files", cwd=work, env=env), "list the files")
    check("391" in run(carat, "exec", "what is 17 * 23", cwd=work, env=env), "17 * 23")
    check("nano" in run(os.path.join(programs, "carat-engine"), "info", "-m",
                        os.path.join(programs, "..", "share", "carat", "models", "nano.gguf"), env=env), "info")


def build_again(root):
    """From another folder, with other file times, in another time zone."""
    copy = os.path.join(root, "a folder elsewhere")

    def passed_over(folder, names):
        return [name for name in names if name == ".git" or name.startswith("build")] if folder == SOURCE else []

    shutil.copytree(SOURCE, copy, ignore=passed_over, symlinks=True, copy_function=shutil.copy)
    os.environ["TZ"] = "Asia/Tokyo"
    return build("deb", copy, os.path.join(root, "again"))


def case_deb(root):
    package = build("deb", SOURCE, os.path.join(root, "out"))
    again = build_again(root)
    sums = [hashlib.sha256(open(path, "rb").read()).hexdigest() for path in (package, again)]
    check(sums[0] == sums[1], f"{package} and {again} differ")
    place = os.path.join(root, "unpacked")
    run("dpkg-deb", "-x", package, place)
    try_it(os.path.join(place, "usr", "bin"), root)
    share = os.path.join(place, "usr", "share")
    run("bash", "-n", os.path.join(share, "bash-completion", "completions", "carat"))
    run("zsh", "-n", os.path.join(share, "zsh", "site-functions", "_carat"))
    run("fish", "--no-execute", os.path.join(share, "fish", "vendor_completions.d", "carat.fish"))
    for page in ("carat", "carat-engine", "carat-tool"):
        done = subprocess.run(["sh", "-c", f"gzip -dc {share}/man/man1/{page}.1.gz | groff -man -Tutf8 -ww"],
                              capture_output=True, text=True)
        check(done.returncode == 0 and done.stderr == "" and len(done.stdout) > 500, f"{page}: {done.stderr}")
    completions = f"source {share}/bash-completion/completions/carat; COMP_WORDS=(carat --mode rea); COMP_CWORD=2; _carat; echo $COMPREPLY"
    check(run("bash", "-c", completions).strip() == "read-only", "bash completes --mode")


def case_tarball(root):
    archive = build("tarball", SOURCE, os.path.join(root, "out"))
    run("tar", "-C", root, "-xJf", archive)
    place = os.path.join(root, os.path.basename(archive).removesuffix(".tar.xz"))
    try_it(os.path.join(place, "bin"), root)
    linked = run("ldd", os.path.join(place, "bin", "carat"))
    for line in linked.splitlines():
        check("libcurl" not in line or place in os.path.realpath(line.split("=>")[1].split()[0]), line)


root = tempfile.mkdtemp(prefix="carat-package-")
try:
    globals()["case_" + CASE](root)
finally:
    shutil.rmtree(root, ignore_errors=True)
