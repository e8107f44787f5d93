"""Programs and scripts where an ordinary user may read them, so that root can run a test once more as one."""
import os
import shutil
import subprocess
import tempfile

from world import ORDINARY_USER


class Reachable:
    def __init__(self, build, source):
        self.folder = tempfile.mkdtemp(prefix="carat-suite-", dir="/var/lib")
        os.chmod(self.folder, 0o755)
        self.build, self.source, self.home = (os.path.join(self.folder, name) for name in ("build", "source", "home"))
        os.mkdir(self.build)
        for name in ("carat", "carat-tool", "carat-engine"):
            shutil.copy(os.path.join(build, name), self.build)
        for name in ("attacks", "e2e"):
            shutil.copytree(os.path.join(source, "tests", name), os.path.join(self.source, "tests", name))
        os.mkdir(self.home)
        for folder in (self.folder, self.source):  # where carat and the tests look for the small model
            os.makedirs(os.path.join(folder, "models"))
            shutil.copy(os.path.join(source, "models", "nano.gguf"), os.path.join(folder, "models"))
        os.chown(self.home, ORDINARY_USER, ORDINARY_USER)
        subprocess.run(["chmod", "-R", "a+rX", self.build, self.source, self.folder + "/models"], check=True)

    def close(self):
        shutil.rmtree(self.folder)
