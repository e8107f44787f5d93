/* command_traps: tables of programs and of the options that make them run code or write elsewhere.
 *
 * Options are looked for everywhere behind the words that the rule names, also behind "--" and as
 * values of other options: that asks once too often now and then, and never once too little. A long
 * option is known by any abbreviation, a letter anywhere in a cluster.
 */
#include "approval/command_traps.h"

#include <string.h>

#include "approval/launch_points.h"
#include "approval/shell_words.h"
#include "base/str.h"

/* Space before and behind each name, so that whole names are found. */
static const char runners[] =
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
    "docker-compose nerdctl ctr crictl ansible-playbook jshell clojure iex erl racket sbcl ghci "
    "runghc ocaml groovy kotlin scala claude codex gemini carat ";

/* The first argument must be a script: an option may be code. */
static const char interpreters[] =
    " python python2 python3 pypy pypy3 perl ruby node nodejs "
    "php lua luajit Rscript R julia guile tcc java ipython bpython irb "
    "pry pwsh raku osascript escript jruby jython qjs ";

/* What the subcommand does differs too much: a rule must name it. */
static const char by_subcommand[] =
    " npm yarn pnpm pip pip3 gem bundle cargo go rustup composer poetry conda brew apt apt-get dnf "
    "gradle mvn dotnet swift terraform ansible vagrant gh glab hg svn jj deno bun "
    "mix zig dart flutter nim crystal elixir lein rebar3 bazel bazelisk buck2 pants turbo nx lerna "
    "hatch pdm pipenv rye pixi tofu pulumi packer helm ip ";
static const char never_subcommands[] =
    " exec x dlx explore edit set config login publish generate tool alias shell eval repl "
    "create init ";

/* git's own commands, which no alias can replace, and which run nothing by their words but what the
 * rows below name. */
static const char git_commands[] =
    " status log diff show blame annotate branch tag rev-parse ls-files ls-tree describe shortlog "
    "add rm mv restore checkout switch commit stash reset fetch pull push merge rebase cherry-pick "
    "revert grep cat-file rev-list remote reflog clean init name-rev merge-base diff-tree "
    "diff-index diff-files for-each-ref count-objects show-ref whatchanged apply am format-patch "
    "cherry range-diff show-branch check-ignore fsck version ";

static const struct trap {
    const char *program;
    const char *subcommand; /* NULL = every */
    const char *options;    /* long ones, in full */
    const char *letters;    /* in a cluster of short ones */
    const char *beginnings; /* words that begin so */
} traps[] = {
    {"git", NULL,
     "--upload-pack --receive-pack --exec --ext-diff --textconv --open-files-in-pager --output "
     "--config --config-env --exec-path --git-dir --work-tree --namespace --template "
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
    {"git", "push", "--repo", "o", "ext::"},
    {"git", "diff", "--no-index", "O", ""},
    {"git", "commit", "", "FcC", ""},
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
    {"meson", NULL, "--wrapper --wrap --gdb --native-file --cross-file", "C", "devenv"},
    {"cmake", NULL, "--open --install --toolchain --preset", "EPCDS", ""},
    {"ctest", NULL, "--test-dir --build-and-test --test-command --build-command --script", "SD",
     ""},
    {"gcc", NULL, "--specs", "", "-wrapper -fplugin -specs -B @ -Wl, -Wp, -Xlinker"},
    {"g++", NULL, "--specs", "", "-wrapper -fplugin -specs -B @ -Wl, -Wp, -Xlinker"},
    {"cpp", NULL, "--specs", "", "-wrapper -fplugin -specs -B @ -Wl, -Wp, -Xlinker"},
    {"c89", NULL, "--specs", "", "-wrapper -fplugin -specs -B @ -Wl, -Wp, -Xlinker"},
    {"c99", NULL, "--specs", "", "-wrapper -fplugin -specs -B @ -Wl, -Wp, -Xlinker"},
    {"gfortran", NULL, "--specs", "", "-wrapper -fplugin -specs -B @ -Wl, -Wp, -Xlinker"},
    {"gccgo", NULL, "--specs", "", "-wrapper -fplugin -specs -B @ -Wl, -Wp, -Xlinker"},
    {"gdc", NULL, "--specs", "", "-wrapper -fplugin -specs -B @ -Wl, -Wp, -Xlinker"},
    {"cc", NULL, "--specs --config --ld-path", "",
     "-wrapper -fplugin -specs -B @ -Wl, -Wp, -Xlinker -load -fuse-ld -ccc-"},
    {"c++", NULL, "--specs --config --ld-path", "",
     "-wrapper -fplugin -specs -B @ -Wl, -Wp, -Xlinker -load -fuse-ld -ccc-"},
    {"clang", NULL, "--config --ld-path", "",
     "-fplugin -fpass-plugin -B @ -Wl, -Xlinker -Xclang -load -fuse-ld -ccc-"},
    {"clang++", NULL, "--config --ld-path", "",
     "-fplugin -fpass-plugin -B @ -Wl, -Xlinker -Xclang -load -fuse-ld -ccc-"},
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
     "-exec -toolexec -vettool -overlay -modfile -ldflags -gccgoflags -C --exec --toolexec "
     "--vettool --overlay --modfile --ldflags --gccgoflags"},
    {"cargo", NULL, "--config --manifest-path", "ZC", "+"},
    {"pytest", NULL, "--rootdir --override-ini --confcutdir --import-mode", "pco", ""},
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
    {"mypy", NULL, "--config-file --python-executable --install-types", "", ""},
    {"sphinx-build", NULL, "", "cD", ""},
    {"mkdocs", NULL, "--config-file", "f", ""},
    {"rspec", NULL, "--require --options --default-path", "rIO", ""},
    {"rubocop", NULL, "--require --config --plugin", "rc", ""},
    {"phpunit", NULL, "--bootstrap --configuration --extension", "c", ""},
    {"openssl", NULL, "", "", "-engine -provider -config"},
    {"pdflatex", NULL, "", "", "-shell-escape --shell-escape -enable-write18 -output-directory"},
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
    {"helm", NULL, "--post-renderer", "", ""},
    {"terraform", NULL, "", "", "-chdir"},
    {"pip", NULL, "--target --index-url --extra-index-url --root --prefix --config-settings", "i",
     ""},
};

/* Variables that change nothing but words and numbers in what a program prints. */
static const char harmless_variables[] =
    " LANG LC_ALL LC_CTYPE LC_MESSAGES LC_NUMERIC LC_TIME LC_COLLATE TZ NO_COLOR CLICOLOR "
    "FORCE_COLOR COLUMNS LINES ";

/* --- finding words in lists --- */

static bool listed(const char *list, const char *word, size_t length)
{
    if (memchr(word, ' ', length) != NULL) {
        return false;
    }
    for (const char *at = list; length > 0 && (at = strchr(at, ' ')) != NULL; at++) {
        if (strncmp(at + 1, word, length) == 0 && at[1 + length] == ' ') {
            return true;
        }
    }
    return false;
}

/* Calls for each word of a list that single spaces divide, until one fits. */
static bool any_in(const char *list, const char *word,
                   bool (*fits)(const char *item, size_t length, const char *word))
{
    while (*list != '\0') {
        size_t length = strcspn(list, " ");
        if (fits(list, length, word)) {
            return true;
        }
        list += length + (list[length] == ' ');
    }
    return false;
}

static bool is_abbreviation(const char *option, size_t length, const char *word)
{
    size_t given = strcspn(word, "=");
    return given > 2 && given <= length && strncmp(option, word, given) == 0;
}

static bool is_beginning(const char *beginning, size_t length, const char *word)
{
    return strncmp(word, beginning, length) == 0;
}

static const char *base_name(const char *program)
{
    const char *slash = strrchr(program, '/');
    return slash != NULL ? slash + 1 : program;
}

/* --- names of programs --- */

/* Without a version ("perl5.36.0", "gcc-12") and, of a compiler for another machine, without that
 * machine ("aarch64-linux-gnu-gcc"). "" where nothing is left out. */
static const char *plain_name(const char *name, struct str *out)
{
    size_t length = strlen(name);
    while (length > 0 && strchr("0123456789.-", name[length - 1]) != NULL) {
        length--;
    }
    str_append_bytes(out, name, length);
    const char *first = strchr(out->data, '-'), *last = strrchr(out->data, '-');
    if (first != last) {
        str_remove(out, 0, (size_t)(last + 1 - out->data));
    }
    if (strcmp(out->data, name) == 0) {
        str_clear(out);
    }
    return out->data;
}

/* --- one command --- */

static bool word_traps(const struct trap *trap, const char *word)
{
    bool cluster = word[0] == '-' && word[1] != '-' && word[1] != '\0';
    return (word[0] == '-' && word[1] == '-' && any_in(trap->options, word, is_abbreviation)) ||
           (cluster && trap->letters[0] != '\0' && strpbrk(word + 1, trap->letters) != NULL) ||
           any_in(trap->beginnings, word, is_beginning);
}

static bool options_trap(const struct shell_words *words, const char *program,
                         const char *subcommand, size_t named)
{
    for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++) {
        const struct trap *trap = &traps[i];
        if (strcmp(trap->program, program) != 0 ||
            (trap->subcommand != NULL && strcmp(trap->subcommand, subcommand) != 0)) {
            continue;
        }
        for (size_t k = named > 0 ? named : 1; k < words->count; k++) {
            if (word_traps(trap, words->items[k].text)) {
                return true;
            }
        }
    }
    return false;
}

/* Of two files these read the first and write the second. `letters`: whose value is a word. */
static bool second_file_traps(const struct shell_words *words, const char *program)
{
    bool uniq = strcmp(program, "uniq") == 0, xxd = strcmp(program, "xxd") == 0;
    const char *letters = uniq ? "fsw" : "cglosnR";
    size_t files = 0;
    for (size_t i = 1; (uniq || xxd) && i < words->count; i++) {
        const char *word = words->items[i].text;
        bool option = word[0] == '-' && word[1] != '\0';
        bool takes_next = option && word[2] == '\0' && strchr(letters, word[1]) != NULL;
        files += !option;
        i += takes_next;
    }
    return files > 1;
}

/* Old tar takes its letters without a dash. */
static bool old_tar_traps(const struct shell_words *words, const char *program, size_t named)
{
    return strcmp(program, "tar") == 0 && named < 2 && words->count > 1 &&
           strpbrk(words->items[1].text, "IFPCT") != NULL && words->items[1].text[0] != '-';
}

/* Another machine, or one of the names that git gives by itself. */
static bool is_remote(const char *word)
{
    size_t plain = strcspn(word, ":/");
    return strcmp(word, "origin") == 0 || strcmp(word, "upstream") == 0 ||
           (word[plain] == ':' && !str_starts_with(word, "file:"));
}

/* A folder takes what is pushed with its own hooks and settings, which a workspace may hold; and a
 * name that is no remote's is a folder's. */
static bool pushes_to_folder(const struct shell_words *words, size_t named)
{
    size_t place = 2;
    while (place < words->count && words->items[place].text[0] == '-') {
        place++;
    }
    return place < words->count && place >= named && !is_remote(words->items[place].text);
}

static const char *git_trap(const struct shell_words *words, size_t named)
{
    if (words->count < 2) {
        return NULL;
    }
    const char *second = words->items[1].text;
    if (named < 2 && second[0] == '-') {
        return strcmp(second, "--version") == 0 ? NULL
                                                : "git obeys options before its command's name";
    }
    if (!listed(git_commands, second, strlen(second))) {
        return "what this git command does is not known: it may be an alias";
    }
    if (strcmp(second, "push") == 0 && pushes_to_folder(words, named)) {
        return "the rule does not name where to: a folder that is pushed to runs its own hooks";
    }
    return NULL;
}

static const char *interpreter_trap(const struct shell_words *words, size_t named)
{
    const char *first = words->count > 1 ? words->items[1].text : "-";
    bool has_script = first[0] != '-' && !str_starts_with(first, "/dev/") &&
                      !str_starts_with(first, "/proc/"); /* nor what another command prints */
    bool has_module = words->count > 2 && named > 2 && strcmp(words->items[1].text, "-m") == 0;
    return has_script || has_module ? NULL : "an interpreter may be given code in its words";
}

static const char *subcommand_trap(const struct shell_words *words, size_t named)
{
    if (named < 2 || words->items[1].text[0] == '-') {
        return "the rule does not name the program's command";
    }
    const char *second = words->items[1].text;
    return listed(never_subcommands, second, strlen(second))
               ? "this command of the program runs what its words say"
               : NULL;
}

static bool assigns_word(const char *word)
{
    size_t length = strcspn(word, "=");
    return word[0] != '-' && word[length] == '=';
}

/* make's variables on the command line choose its shell and its programs. */
static bool make_variable(const struct shell_words *words, const char *program, size_t named)
{
    bool make = strcmp(program, "make") == 0 || strcmp(program, "gmake") == 0;
    for (size_t i = named > 0 ? named : 1; make && i < words->count; i++) {
        if (assigns_word(words->items[i].text)) {
            return true;
        }
    }
    return false;
}

/* Folders that hold such names further down: what is moved there brings its own along. */
static bool is_above_launch_point(const char *word)
{
    size_t length = strlen(word);
    while (length > 1 && word[length - 1] == '/') {
        length--;
    }
    size_t start = length;
    while (start > 0 && word[start - 1] != '/') {
        start--;
    }
    return listed(" .github .local ", word + start, length - start);
}

static const char *touches_launch_point(const struct shell_words *words, size_t named)
{
    for (size_t i = named > 0 ? named : 1; i < words->count; i++) {
        const char *word = words->items[i].text, *equals = strchr(word, '=');
        const char *reason = launch_points_reason(word);
        reason = reason == NULL && equals != NULL ? launch_points_reason(equals + 1) : reason;
        if (reason == NULL && word[0] == '-' && word[1] != '\0') {
            reason = launch_points_reason(word + 2); /* the value of a letter: -tFOLDER */
        }
        if (reason == NULL && is_above_launch_point(word)) {
            reason = "programs are started from what is in that folder";
        }
        if (reason != NULL) {
            return reason;
        }
    }
    return NULL;
}

/* Programs that only read: naming a Makefile to them is no way to change it. */
static bool only_reads(const struct shell_words *words, const char *program)
{
    static const char readers[] = " cat head tail wc ls stat file grep egrep fgrep rg ag diff cmp "
                                  "md5sum sha256sum nl od hexdump tree du readlink realpath "
                                  "basename dirname echo test git find ";
    static const char writers[] = " mv checkout restore ";
    bool git = strcmp(program, "git") == 0 && words->count > 1;
    return listed(readers, program, strlen(program)) &&
           !(git && listed(writers, words->items[1].text, strlen(words->items[1].text)));
}

static bool is_runner(const char *name)
{
    return listed(runners, name, strlen(name)) || strncmp(name, "ld-linux", 8) == 0 ||
           strncmp(name, "git-", 4) == 0;
}

bool command_traps_runs_others(const char *program)
{
    struct str plain;
    const char *name = base_name(program);
    str_init(&plain);
    bool runs = is_runner(name) || is_runner(plain_name(name, &plain));
    str_finish(&plain);
    return runs;
}

/* The traps of the program that goes by this name. */
static const char *find_by_name(const struct shell_words *words, const char *program, size_t named)
{
    size_t length = strlen(program);
    const char *subcommand = words->count > 1 ? words->items[1].text : "";
    const char *why = NULL;
    if (strcmp(program, "git") == 0) {
        why = git_trap(words, named);
    } else if (listed(interpreters, program, length)) {
        why = interpreter_trap(words, named);
    } else if (listed(by_subcommand, program, length)) {
        why = subcommand_trap(words, named);
    }
    if (why == NULL &&
        (options_trap(words, program, subcommand, named) || old_tar_traps(words, program, named) ||
         second_file_traps(words, program))) {
        why = "one of its options runs code or writes elsewhere";
    }
    if (why == NULL && make_variable(words, program, named)) {
        why = "it sets a variable of make's";
    }
    return why;
}

const char *command_traps_find(const struct shell_simple *simple, size_t named)
{
    const struct shell_words *words = &simple->words;
    if (words->count == 0) {
        return "it only sets variables";
    }
    const char *program = base_name(words->items[0].text);
    if (program[0] == '\0' || command_traps_runs_others(program)) {
        return "it runs another command, or changes how the next ones run";
    }
    struct str plain;
    str_init(&plain);
    const char *why = find_by_name(words, program, named);
    if (why == NULL && plain_name(program, &plain)[0] != '\0') {
        why = find_by_name(words, plain.data, named);
    }
    str_finish(&plain);
    return why == NULL && !only_reads(words, program) ? touches_launch_point(words, named) : why;
}

const char *command_traps_around(const struct shell_simple *simple)
{
    for (size_t i = 0; i < simple->assignments.count; i++) {
        const struct shell_word *word = &simple->assignments.items[i];
        if (word->open || !listed(harmless_variables, word->text, strcspn(word->text, "=+["))) {
            return "it sets a variable that may change what runs";
        }
    }
    for (size_t i = 0; i < simple->redirection_count; i++) {
        const struct shell_redirection *redirection = &simple->redirections[i];
        if (redirection->target.open) {
            return "it is redirected to a name that only the shell knows";
        }
        if (redirection->writes && !redirection->duplicates &&
            strcmp(redirection->target.text, "/dev/null") != 0) {
            return "it writes into a file";
        }
    }
    return NULL;
}
