/* command_tables: tables of programs and of the options that make them run code or write elsewhere.
 */
#include "approval/command_tables.h"

/* Space before and behind each name, so that whole names are found. */
const char command_runners[] =
    " sh bash dash ash zsh ksh mksh fish csh tcsh rbash busybox toybox env sudo doas su runuser "
    "pkexec nohup nice ionice chrt taskset numactl prlimit setarch linux32 linux64 setpriv capsh "
    "timeout time stdbuf unbuffer setsid flock chroot unshare nsenter bwrap fakeroot proot "
    "faketime "
    "xargs parallel watch entr script strace ltrace gdb lldb perf rr valgrind ssh scp sftp mosh "
    "eval exec . source command builtin trap alias unalias export declare typeset local readonly "
    "set unset shopt enable hash cd pushd popd read mapfile readarray awk gawk mawk nawk sed ed ex "
    "red vi vim nvim view emacs nano pico less more most man info pager lynx w3m links ftp telnet "
    "nc ncat netcat socat tclsh wish expect m4 dc sqlite3 psql mysql mariadb redis-cli at batch "
    "crontab systemd-run systemctl journalctl service start-stop-daemon dbus-run-session dbus-send "
    "tmux screen npx bunx pnpx pipx uvx uv docker podman kubectl lxc nmap exiftool lualatex wget "
    "gpg make-kpkg ld.so chpst softlimit cgexec direnv just task rake xdg-open open let "
    /* what takes a command, a plug-in or a package to run */
    "mise asdf rtx nix nix-shell nix-env nix-build nix-store guix uvicorn gunicorn tox nox invoke "
    "inv fab doit scons waf gulp grunt tsx ts-node zx nodemon watchexec concurrently hyperfine "
    "pre-commit lefthook husky dotenv gosu su-exec tini dumb-init run-parts anacron runcon sg "
    "newgrp aa-exec firejail sshpass autossh rlwrap chronic ifne pee vipe fzf bat tig lazygit mc "
    "ranger nnn yt-dlp youtube-dl aria2c lftp duckdb gnuplot octave maxima gs magick convert "
    "pandoc asciidoctor groff latexmk xelatex latex lualatex tex pdftex tshark bpftrace stap "
    "nginx apachectl openvpn wg-quick systemd-nspawn systemd-inhibit machinectl busctl "
    "choom uclampset eatmydata fakechroot cpulimit schedtool torsocks torify tsocks proxychains "
    "i386 x86_64 uname26 rsh slogin run0 dtach abduco zellij byobu daemon daemonize lckdo zrun "
    "mispipe compgen complete bind fc history nyc c8 cross-env env-cmd npm-run-all run-s run-p "
    "coverage mail mailx mutt vimdiff rvim gvim gvimdiff hx kak joe jed mcedit emacsclient "
    "flatpak snap dpkg rpm apk pacman rails django-admin flask celery identify mogrify composite "
    "montage swipl gforth "
    "ccache sccache distcc icecc icerun pump bear scan-build intercept-build catchsegv heaptrack "
    "doxygen getopts "
    "xvfb-run libtool jobs "
    "docker-compose nerdctl ctr crictl ansible-playbook jshell clojure iex erl racket sbcl ghci "
    "runghc ocaml groovy kotlin scala claude codex gemini carat "
    "rename prename file-rename perl-rename mlr goawk frawk rargs rush reflex onchange chokidar "
    "viddy when-changed R ";

/* The first argument must be a script: an option may be code. */
const char command_interpreters[] =
    " python python2 python3 pypy pypy3 perl ruby node nodejs "
    "php lua luajit Rscript julia guile tcc java ipython bpython irb "
    "pry pwsh raku osascript escript jruby jython qjs ";

/* What the subcommand does differs too much: a rule must name it. */
const char command_by_subcommand[] =
    " npm yarn pnpm pip pip3 gem bundle cargo go rustup composer poetry conda brew apt apt-get dnf "
    "gradle mvn dotnet swift terraform ansible vagrant gh glab hg svn jj deno bun "
    "mix zig dart flutter nim crystal elixir lein rebar3 bazel bazelisk buck2 pants turbo nx lerna "
    "hatch pdm pipenv rye pixi mamba micromamba tofu pulumi packer helm ip ";
const char command_never_subcommands[] =
    " exec x dlx explore edit set config login publish generate tool alias shell eval repl "
    "create init ";

/* Names that are another program's. */
const char *const command_aliases[][2] = {
    {"py.test", "pytest"}, {"gradlew", "gradle"}, {"mvnw", "mvn"}, {"yarnpkg", "yarn"},
    {"bundler", "bundle"}, {"[", "test"},         {NULL, NULL}};

/* Of what "python3 -m" runs, what runs code that its words name or that is typed. */
const char command_running_modules[] = " pdb profile cProfile trace timeit runpy code doctest bdb "
                                       "asyncio IPython idlelib pydoc pickle "
                                       "inspect imaplib sqlite3 ";

/* "PROGRAM run COMMAND ..." */
const char command_environments[] = " poetry pdm pipenv hatch rye pixi conda mamba micromamba ";

/* "PROGRAM SUBCOMMAND WHERE COMMAND ...", each with a dash in between. */
const char command_launchers[] = " rustup-run ip-netns ip-vrf ";

/* Their options begin with one dash, two or three, all the same. */
const char command_any_dashes[] = " npm pnpm ";

/* git's own commands, which no alias can replace, and which run nothing by their words but what the
 * rows below name. */
const char command_git[] =
    " status log diff show blame annotate branch tag rev-parse ls-files ls-tree describe shortlog "
    "add rm mv restore checkout switch commit stash reset fetch pull push merge rebase cherry-pick "
    "revert grep cat-file rev-list remote reflog clean init name-rev merge-base diff-tree "
    "diff-index diff-files for-each-ref count-objects show-ref whatchanged apply am format-patch "
    "cherry range-diff show-branch check-ignore fsck version ";

/* "cc" may be the one or the other. */
#define GNU_OPTIONS    "--specs --prefix --for-linker"
#define GNU_BEGINNINGS "-wrapper -fplugin -specs -B @ -Wl, -Wp, -Xlinker"
#define CLANG_OPTIONS  "--config --ld-path --prefix --for-linker --gcc-toolchain --gcc-install-dir"
#define CLANG_BEGINNINGS \
    "-fplugin -fpass-plugin -B @ -Wl, -Xlinker -Xclang -load -fuse-ld -ccc- -gcc-toolchain"

/* These, too, but where they reach is for the rule to say, which must name them. */
const char command_git_named[] = " clone worktree ls-remote notes symbolic-ref sparse-checkout ";

/* What tells a program's version beside "--version", and does nothing else alone. */
const char command_version_by_v[] = " node nodejs npm yarn pnpm ruby perl php ";
const char command_version_by_large_v[] = " python python2 python3 cargo pip pip3 ";

const struct command_trap command_traps[] = {
    {"git", NULL,
     "--upload-pack --receive-pack --exec --ext-diff --textconv --open-files-in-pager --output "
     "--config --config-env --exec-path --namespace --template "
     "--separate-git-dir --upload-archive --recurse-submodules --edit-description --gpg-sign "
     "--contents --file --pathspec-from-file --patch-format --interactive --output-directory "
     "--strategy --recursive",
     "", "ext:: fd::"},
    {"git", "grep", "", "Of", ""},
    /* a strategy with a slash in its name is a program beneath ./git-merge-NAME */
    {"git", "rebase", "", "xis", ""},
    {"git", "pull", "", "s", ""},
    {"git", "clone", "", "uc", ""},
    {"git", "fetch", "", "u", ""},
    {"git", "push", "--repo --push-option", "o", "ext::"},
    {"git", "diff", "--no-index", "O", ""},
    {"git", "remote", "", "", "add set-url"},
    {"git", "add", "", "ie", ""},
    {"git", "apply", "--unsafe-paths --directory", "", ""},
    {"git", "am", "", "i", ""},
    {"git", "format-patch", "", "o", ""},
    {"git", "clean", "", "i", ""},
    {"find", NULL, "", "", "-exec -ok -delete -fprint -fls -files0-from"},
    {"fd", NULL, "--exec --exec-batch --base-directory", "xX", ""},
    {"fdfind", NULL, "--exec --exec-batch --base-directory", "xX", ""},
    {"ack", NULL, "--pager --output --ackrc", "", ""},
    {"ugrep", NULL, "--filter --pager --view --config", "", ""},
    {"ug", NULL, "--filter --pager --view --config", "", ""},
    {"cloc", NULL, "--vcs --extract-with --config", "", ""},
    {"diff3", NULL, "--diff-program", "", ""},
    {"sdiff", NULL, "--diff-program --output", "o", ""},
    {"install", NULL, "--strip-program", "", ""},
    {"iconv", NULL, "--output", "o", ""},
    {"xmllint", NULL, "--output --shell", "o", "-shell"},
    {"rg", NULL, "--pre --hostname-bin --search-zip", "z", ""},
    {"ag", NULL, "--pager", "", ""},
    {"tar", NULL,
     "--to-command --checkpoint-action --use-compress-program --rsh-command --info-script "
     "--new-volume-script --rmt-command --absolute-names --directory --checkpoint --files-from "
     "--index-file --volno-file --listed-incremental",
     "IFPCTg", ""},
    {"bsdtar", NULL, "--use-compress-program --directory", "PCTs", ""},
    {"cpio", NULL, "--rsh-command --absolute-filenames --directory", "", ""},
    {"zip", NULL, "--test --unzip-command", "TO", ""},
    {"7z", NULL, "", "", "-o -t"},
    {"rsync", NULL,
     "--rsh --rsync-path --daemon --config --password-file --files-from --log-file "
     "--write-batch --only-write-batch",
     "eM", ""},
    {"sort", NULL, "--compress-program --output --temporary-directory", "oT", ""},
    {"split", NULL, "--filter", "", ""},
    {"shuf", NULL, "--output", "o", ""},
    {"tree", NULL, "", "oR", ""},
    {"xxd", NULL, "", "r", ""},
    {"file", NULL, "--compile", "C", ""},
    {"patch", NULL, "--ed --output --directory --reject-file --get", "eodrg", ""},
    {"ssh-keygen", NULL, "", "Dw", ""},
    {"ssh-add", NULL, "", "sS", ""},
    {"date", NULL, "--set", "s", ""},
    /* a name with an index, which some shells evaluate though it was quoted */
    {"printf", NULL, "", "v", ""},
    {"test", NULL, "", "vR", ""},
    {"wait", NULL, "", "p", ""},
    {"dd", NULL, "", "", "of="},
    {"tcpdump", NULL, "", "zwW", ""},
    {"curl", NULL,
     "--config --output --output-dir --remote-name --remote-name-all --upload-file --dump-header "
     "--cookie-jar --trace --trace-ascii --stderr --engine --netrc-file --libcurl --etag-save "
     "--hsts --alt-svc "
     "--write-out --unix-socket",
     "KoOTDcEw", ""},
    {"make", NULL, "--eval --file --makefile --directory --include-dir --environment-overrides",
     "fCIEe", ""},
    {"gmake", NULL, "--eval --file --makefile --directory --include-dir --environment-overrides",
     "fCIEe", ""},
    {"ninja", NULL, "", "fCt", ""},
    {"meson", NULL,
     "--wrapper --wrap --gdb --gdb-path --native-file --cross-file --ninja-args --vs-args "
     "--xcode-args",
     "C", "devenv runpython --internal"},
    {"cmake", NULL, "--open --install --toolchain --preset", "EPCDS", ""},
    {"ctest", NULL, "--test-dir --build-and-test --test-command --build-command --script", "SD",
     ""},
    {"gcc", NULL, GNU_OPTIONS, "", GNU_BEGINNINGS},
    {"g++", NULL, GNU_OPTIONS, "", GNU_BEGINNINGS},
    {"cpp", NULL, GNU_OPTIONS, "", GNU_BEGINNINGS},
    {"c89", NULL, GNU_OPTIONS, "", GNU_BEGINNINGS},
    {"c99", NULL, GNU_OPTIONS, "", GNU_BEGINNINGS},
    {"gfortran", NULL, GNU_OPTIONS, "", GNU_BEGINNINGS},
    {"gccgo", NULL, GNU_OPTIONS, "", GNU_BEGINNINGS},
    {"gdc", NULL, GNU_OPTIONS, "", GNU_BEGINNINGS},
    {"cc", NULL, GNU_OPTIONS " " CLANG_OPTIONS, "", GNU_BEGINNINGS " " CLANG_BEGINNINGS},
    {"c++", NULL, GNU_OPTIONS " " CLANG_OPTIONS, "", GNU_BEGINNINGS " " CLANG_BEGINNINGS},
    {"clang", NULL, CLANG_OPTIONS, "", CLANG_BEGINNINGS},
    {"clang++", NULL, CLANG_OPTIONS, "", CLANG_BEGINNINGS},
    {"ld", NULL, "--plugin", "", "-plugin @"},
    {"ld.bfd", NULL, "--plugin", "", "-plugin @"},
    {"ld.gold", NULL, "--plugin", "", "-plugin @"},
    {"gold", NULL, "--plugin", "", "-plugin @"},
    {"ar", NULL, "--plugin", "", "@"},
    {"nm", NULL, "--plugin", "", "@"},
    {"ranlib", NULL, "--plugin", "", "@"},
    {"gcc-ar", NULL, "--plugin", "", "@"},
    {"gcc-nm", NULL, "--plugin", "", "@"},
    {"gcc-ranlib", NULL, "--plugin", "", "@"},
    {"clang-tidy", NULL, "--load --config-file --export-fixes", "", "-load -config-file -export"},
    {"clang-query", NULL, "--load --preload", "fc", "-load -preload"},
    {"opt", NULL, "--load --load-pass-plugin", "o", "-load"},
    {"llc", NULL, "--load --load-pass-plugin", "o", "-load"},
    {"cppcheck", NULL,
     "--addon --addon-python --clang --output-file --rule-file --project --library --plist-output",
     "", ""},
    {"bison", NULL, "--skeleton --output --defines --graph --xml", "SodgxH", ""},
    {"rustc", NULL, "--codegen --sysroot --extern", "CZL", "@"},
    {"javac", NULL, "--processor-path --processor-module-path", "",
     "-processor -Xplugin -J -cp -classpath --class-path @"},
    {"go", NULL, "", "",
     "-exec -toolexec -vettool -overlay -modfile -ldflags -gccgoflags -C --C --exec --toolexec "
     "--vettool --overlay --modfile --ldflags --gccgoflags"},
    {"cargo", NULL, "--config --manifest-path", "ZC", "+"},
    {"pytest", NULL,
     "--rootdir --override-ini --confcutdir --import-mode --config-file --basetemp --pdbcls", "pco",
     ""},
    {"jest", NULL,
     "--config --rootDir --setupFiles --setupFilesAfterEnv --globalSetup --globalTeardown --runner "
     "--testRunner --transform --reporters --testEnvironment",
     "c", ""},
    {"vitest", NULL, "--config --root --globalSetup --reporter", "cr", ""},
    {"mocha", NULL, "--require --file --config --package --reporter --import", "rRn", ""},
    {"eslint", NULL,
     "--config --rulesdir --plugin --resolve-plugins-relative-to --format --parser --output-file",
     "cfo", ""},
    {"prettier", NULL, "--plugin --plugin-search-dir --config", "", ""},
    {"stylelint", NULL, "--config --config-basedir --custom-syntax --custom-formatter", "cf", ""},
    {"postcss", NULL, "--use --config --parser --stringifier --syntax", "uo", ""},
    {"tailwindcss", NULL, "--config --postcss", "c", ""},
    {"lessc", NULL, "--plugin --js", "", ""},
    {"playwright", NULL, "--config --reporter", "c", ""},
    {"cypress", NULL, "--config --config-file --browser --project", "CPbc", ""},
    {"jasmine", NULL, "--config --helper --require --reporter", "", ""},
    {"ava", NULL, "--config --node-arguments", "", ""},
    {"markdownlint", NULL, "--rules --config --output", "rco", ""},
    {"commitlint", NULL, "--extends --config --parser-preset", "xgp", ""},
    {"babel", NULL, "--plugins --presets --config-file", "", ""},
    {"webpack", NULL, "--config", "c", ""},
    {"rollup", NULL, "--config --plugin", "cp", ""},
    {"vite", NULL, "--config", "c", ""},
    {"pylint", NULL, "--init-hook --load-plugins --rcfile", "", ""},
    {"flake8", NULL, "--config --append-config --output-file", "", ""},
    {"mypy", NULL,
     "--config-file --python-executable --install-types --junit-xml --html-report --xml-report "
     "--txt-report --any-exprs-report --cobertura-xml-report --linecount-report "
     "--linecoverage-report --lineprecision-report --xslt-html-report --xslt-txt-report",
     "", "@"},
    {"sphinx-build", NULL, "", "cD", ""},
    {"mkdocs", NULL, "--config-file", "f", ""},
    {"rspec", NULL, "--require --options --default-path", "rIO", ""},
    {"rubocop", NULL, "--require --config --plugin", "rc", ""},
    {"phpunit", NULL, "--bootstrap --configuration --extension", "c", ""},
    {"openssl", NULL, "--engine --provider --config", "", "-engine -provider -config"},
    {"pdflatex", NULL, "", "", "-sh --sh -en --en -cn --cn -output-d --output-d"},
    {"npm", NULL, "--prefix --script-shell --userconfig --globalconfig --node-options --call", "Cc",
     ""},
    {"yarn", NULL, "--cwd --use-yarnrc --script-shell", "", ""},
    {"pnpm", NULL, "--dir --prefix --script-shell --node-options --config", "C", ""},
    {"bun", NULL, "--cwd --config --preload --require", "rc", ""},
    {"deno", NULL, "--config --import-map --preload", "c", ""},
    {"bundle", NULL, "--gemfile", "", ""},
    {"composer", NULL, "--working-dir", "d", ""},
    {"poetry", NULL, "--directory --project", "CP", ""},
    {"mvn", NULL, "--file --settings --global-settings --toolchains", "",
     "-f -s -gs -Dmaven. -Dexec. -DargLine -Djvm"},
    {"ant", NULL, "", "",
     "-f -buildfile -s -lib -logger -listener -main -inputhandler -propertyfile -D"},
    {"gradle", NULL,
     "--init-script --build-file --project-dir --settings-file --include-build --gradle-user-home",
     "", "-I -b -p -c -g -Dorg.gradle."},
    {"dotnet", NULL, "--property --test-adapter-path --logger --settings", "",
     "-p: /p: -property -logger /logger -l: /l:"},
    {"apt", NULL, "--option --config-file", "oc", ""},
    {"apt-get", NULL, "--option --config-file", "oc", ""},
    {"apt-cache", NULL, "--option --config-file", "oc", ""},
    {"dnf", NULL, "--config --setopt --installroot", "c", ""},
    {"yum", NULL, "--config --setopt --installroot", "c", ""},
    {"protoc", NULL, "--plugin", "", "-plugin @"},
    {"hg", NULL, "--config --cwd --repository", "R", ""},
    {"svn", NULL, "--config-option --config-dir --diff-cmd --diff3-cmd --merge-cmd --editor-cmd",
     "", ""},
    {"jj", NULL, "--config --config-toml --config-file --repository --tool", "R", ""},
    {"helm", NULL, "--post-renderer", "", ""},
    {"terraform", NULL, "", "", "-chdir"},
    {"pip", NULL,
     "--target --index-url --extra-index-url --root --prefix --config-settings --python", "i", ""},
};

const size_t command_trap_count = sizeof command_traps / sizeof command_traps[0];

const struct command_other_option command_other_options[] = {
    {"date", NULL, " -Iseconds -Ins -Ihours -Iminutes ", false},
    {"tar", NULL, " --list ", false},
    {"tar", NULL, " --file ", true},
    {"pytest", NULL, " --co ", false},
    {"pip", NULL, " --pre ", false},
    {"git", "commit", " --file ", true},
    {"git", "log", " --patch --text ", false},
    {"git", "show", " --patch --text ", false},
    {"git", "diff", " --patch --text ", false},
    {"git", "grep", " --text ", false},
    {NULL, NULL, NULL, false},
};

/* Variables that change nothing but words and numbers in what a program prints. */
const char command_harmless_variables[] =
    " LANG LC_ALL LC_CTYPE LC_MESSAGES LC_NUMERIC LC_TIME LC_COLLATE TZ NO_COLOR CLICOLOR "
    "FORCE_COLOR COLUMNS LINES ";
