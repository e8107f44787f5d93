/* Mounts that are what was asked for, and each way in which they may not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

#include "sandbox_mounts.h"

#define HOST                                                      \
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n"             \
    "24 27 0:6 / /dev rw shared:2 - devtmpfs devtmpfs rw\n"       \
    "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"             \
    "28 27 254:1 / /home/me/disk\\040two rw - ext4 /dev/vdb rw\n" \
    "30 27 254:3 / /srv/other rw - fuse x rw\n"                   \
    "29 27 0:30 / /sys/fs/cgroup rw - cgroup2 none rw\n"
#define ROOT "69 43 254:0 / / ro,nosuid - ext4 /dev/vda rw\n"
#define DEVICES \
    "90 69 0:43 / /dev rw - tmpfs tmpfs rw\n91 90 0:6 /null /dev/null rw - devtmpfs d rw\n"
#define PROCESSES "98 69 0:45 / /proc rw - proc proc rw\n"
#define GROUPS    "99 69 0:30 /.. /sys/fs/cgroup ro - cgroup2 none rw\n"
#define HOME      "100 69 0:46 / /home/me rw - tmpfs tmpfs rw\n"
#define WORK      "101 100 254:0 /home/me/w /home/me/w rw - ext4 /dev/vda rw\n"
#define PIN       "102 101 254:0 /home/me/w/.git /home/me/w/.git rw - ext4 /dev/vda rw\n"
#define FIXED \
    "103 102 254:0 /home/me/w/.git/config /home/me/w/.git/config ro,x - ext4 /dev/vda rw\n"
#define NOTHING "104 69 0:6 /null /etc/shadow ro - devtmpfs d rw\n"
#define BEGIN   ROOT DEVICES PROCESSES GROUPS NOTHING
#define ALL     BEGIN HOME WORK PIN FIXED

struct row {
    const char *inside; /* mountinfo */
    const char *named;  /* by the error; NULL: all is as asked */
};

static const struct row rows[] = {
    {ALL, NULL},
    /* the folder shows what lies elsewhere: a link was in its place */
    {BEGIN HOME "101 100 254:0 /home/me /home/me/w rw - ext4 /dev/vda rw\n" PIN FIXED,
     "/home/me/w is"},
    {BEGIN HOME WORK "102 101 254:0 /home/me /home/me/w/.git rw - ext4 /dev/vda rw\n" FIXED,
     "/home/me/w/.git is"},
    {BEGIN HOME WORK PIN
     "103 102 254:0 /home/me/.key /home/me/w/.git/config ro - ext4 /dev/vda rw\n",
     "/home/me/w/.git/config is"},
    /* the same place of another file system */
    {BEGIN HOME "101 100 254:1 /home/me/w /home/me/w rw - ext4 /dev/vdb rw\n" PIN FIXED,
     "/home/me/w is"},
    /* it can be written, is not there, or was moved since */
    {BEGIN HOME WORK PIN
     "103 102 254:0 /home/me/w/.git/config /home/me/w/.git/config rw - ext4 /dev/vda rw\n",
     "/home/me/w/.git/config is"},
    {BEGIN HOME WORK PIN, "/home/me/w/.git/config is"},
    {BEGIN HOME WORK FIXED, "/home/me/w/.git is"},
    {BEGIN HOME WORK "102 101 254:0 /home/me/w/other /home/me/w/other rw - ext4 /dev/vda rw\n",
     "/home/me/w/.git is"},
    /* a private place is the real one, or a mount in memory that holds something */
    {BEGIN WORK PIN FIXED, "/home/me is"},
    {BEGIN "100 69 254:0 /home/me /home/me rw - ext4 /dev/vda rw\n" WORK PIN FIXED, "/home/me is"},
    {BEGIN "100 69 0:46 /x /home/me rw - tmpfs tmpfs rw\n" WORK PIN FIXED, "/home/me is"},
    {ROOT DEVICES PROCESSES GROUPS HOME WORK PIN FIXED, "/etc/shadow is"},
    /* something lies over what was asked for */
    {ALL "110 101 254:0 /home/me /home/me/w rw - ext4 /dev/vda rw\n", "/home/me/w is"},
    /* nobody asked for it: writable; of another place; a host's own may stay, read-only or below
     * what may be written */
    {ALL "110 69 254:0 /usr /usr rw - ext4 /dev/vda rw\n", "/usr is"},
    {ALL "110 69 254:0 /home/me /mnt ro - ext4 /dev/vda rw\n", "/mnt is"},
    {ALL "110 101 254:0 /home/me /home/me/w/x rw - ext4 /dev/vda rw\n", "/home/me/w/x is"},
    {ALL "110 69 254:0 /usr /usr ro - ext4 /dev/vda rw\n", NULL},
    {ALL "110 100 254:1 / /home/me/disk\\040two ro - ext4 /dev/vdb rw\n", NULL},
    {ALL "110 100 254:1 / /home/me/disk\\040two rw - ext4 /dev/vdb rw\n", "/home/me/disk two is"},
    {ALL "110 101 254:0 /home/me/w/a /home/me/w/a rw - ext4 /dev/vda rw\n", NULL},
    /* beneath the root a host's own that could not be made read-only; but for its own place */
    {ALL "110 69 254:3 / /srv/other rw - fuse x rw\n", NULL},
    {ALL "110 69 254:3 /x /srv/other rw - fuse x rw\n", "/srv/other is"},
    /* over a private place; below one, where it is out of reach */
    {ALL "111 69 254:0 /home /home rw - ext4 /dev/vda rw\n", "/home/me is"},
    {BEGIN "99 69 254:9 /y /home/me rw - ext4 /dev/vdz rw\n"
           "100 99 0:46 / /home/me rw - tmpfs tmpfs rw\n" WORK PIN FIXED,
     NULL},
    {ALL "110 90 0:44 / /dev/pts rw - devpts devpts rw\n", NULL},
    /* no table */
    {"", "cannot be read"},
    {"nonsense\n", "cannot be read"},
    {"69 43 254:0 / / ro", "cannot be read"},
};

static void ask(struct str *list)
{
    sandbox_mounts_expect(list, SANDBOX_MOUNT_FIXED, "/");
    sandbox_mounts_expect(list, SANDBOX_MOUNT_OWN, "/dev");
    sandbox_mounts_expect(list, SANDBOX_MOUNT_OWN, "/proc");
    sandbox_mounts_expect(list, SANDBOX_MOUNT_NOTHING, "/etc/shadow");
    sandbox_mounts_expect(list, SANDBOX_MOUNT_EMPTY, "/home/me/w/hidden"); /* then covered */
    sandbox_mounts_expect(list, SANDBOX_MOUNT_EMPTY, "/home/me");
    sandbox_mounts_expect(list, SANDBOX_MOUNT_OPTIONAL, "/home/me/skills");
    sandbox_mounts_expect(list, SANDBOX_MOUNT_SAME, "/home/me/w");
    sandbox_mounts_expect(list, SANDBOX_MOUNT_SAME, "/home/me/w/.git");
    sandbox_mounts_expect(list, SANDBOX_MOUNT_FIXED, "/home/me/w/.git/config");
}

static void each_difference_is_found(void **state)
{
    (void)state;
    struct str list;
    size_t wrong = 0;
    str_init(&list);
    ask(&list);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {0};
        bool ok = sandbox_mounts_check(HOST, rows[i].inside, list.data, list.length, &err);
        bool expected = rows[i].named == NULL ? ok
                                              : !ok && err.code == ERR_UNAVAILABLE &&
                                                    strstr(err.text, rows[i].named) != NULL;
        if (!expected) {
            printf("row %zu: %s\n", i, ok ? "nothing was found" : err.text);
            wrong++;
        }
    }
    str_finish(&list);
    assert_int_equal(wrong, 0);
}

/* NFS says "/" of each mount, whatever folder it shows, and the folder behind the server's name. */
static void folders_of_a_server_are_told_apart(void **state)
{
    static const struct {
        const char
            *source; /* of the host's mount at /net, as the export's root or a folder in it */
        const char *folder; /* which the workspace shows */
        bool same;
    } table[] = {
        {"srv:/exports/home", "srv:/exports/home/me/w", true},
        {"srv:/exports/home", "srv:/exports/home/me/other", false},
        {"srv:/exports/home", "srv:/exports/home", false},
        {"srv:/", "srv:/me/w", true},
        {"srv:/", "srv:/", false},
    };
    (void)state;
    struct str list;
    str_init(&list);
    sandbox_mounts_expect(&list, SANDBOX_MOUNT_FIXED, "/");
    sandbox_mounts_expect(&list, SANDBOX_MOUNT_SAME, "/net/me/w");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char host[512], inside[512];
        struct err err = {0};
        snprintf(host, sizeof host,
                 "27 1 254:0 / / rw - ext4 /dev/vda rw\n30 27 0:50 / /net rw - nfs4 %s rw\n",
                 table[i].source);
        snprintf(inside, sizeof inside,
                 "69 43 254:0 / / ro - ext4 /dev/vda rw\n70 69 0:50 / /net ro - nfs4 %s rw\n"
                 "71 70 0:50 / /net/me/w rw - nfs4 %s rw\n",
                 table[i].source, table[i].folder);
        bool ok = sandbox_mounts_check(host, inside, list.data, list.length, &err);
        if (ok != table[i].same) {
            fail_msg("%s of %s: %s", table[i].folder, table[i].source, ok ? "the same" : err.text);
        }
    }
    str_finish(&list);
}

static void a_list_must_end(void **state)
{
    (void)state;
    struct err err;
    assert_false(sandbox_mounts_check(HOST, ALL, "r/", 2, &err));
    assert_false(sandbox_mounts_check(HOST, ALL, "", 0, &err));
    assert_false(sandbox_mounts_check("", ALL, "r/", 3, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_difference_is_found),
        cmocka_unit_test(folders_of_a_server_are_told_apart),
        cmocka_unit_test(a_list_must_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
