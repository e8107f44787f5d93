/* advice: what is recommended to machines of all sizes, by made-up figures; the measure measures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "models/advice.h"
#include "models/catalogue.h"

static void test_choice(void **state)
{
    (void)state;
    static const struct {
        double memory_gb, read_gb;
        const char *wanted; /* NULL: none fits */
    } cases[] = {
        {1, 30, NULL},
        {2, 30, "gemma-4-e2b"},
        {4, 26, "gemma-4-e4b"},  /* 9 tokens/s */
        {4, 20, "gemma-4-e2b"},  /* E4B would make 7 */
        {10, 30, "gemma-4-e4b"}, /* 12B fits, and would make 4 */
        {10, 80, "gemma-4-12b"},
        {16, 30, "gemma-4-26b-a4b"}, /* experts: large and quick */
        {64, 60, "gemma-4-26b-a4b"}, /* 31B would make 3 */
        {64, 400, "gemma-4-31b"},
        {64, 5, "gemma-4-e2b"}, /* nothing is quick: then the quickest */
        {64, 0, "gemma-4-e2b"}, /* not known how fast */
        {2, 2, "gemma-4-e2b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct advice_machine machine = {.memory = (uint64_t)(cases[i].memory_gb * 1e9),
                                         .cores = 4,
                                         .read = cases[i].read_gb * 1e9};
        const struct advice_model *model = advice_choose(&machine);
        const char *name = model != NULL ? model->name : "none";
        if (strcmp(name, cases[i].wanted != NULL ? cases[i].wanted : "none") != 0) {
            fail_msg("%g GB, %g GB/s: %s", cases[i].memory_gb, cases[i].read_gb, name);
        }
    }
}

/* Every model of the table is one that can be pulled, and the table ascends in what it needs. */
static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < advice_count; i++) {
        const struct advice_model *model = &advice_models[i];
        assert_non_null(catalogue_entry_named(model->name));
        assert_true(model->token <= model->file);
        assert_true(i == 0 || model->stays > advice_models[i - 1].stays);
    }
    for (size_t i = 0; i < catalogue_count; i++) {
        bool known = catalogue_entries[i].repository == NULL; /* nano: came with carat */
        for (size_t k = 0; k < advice_count; k++) {
            known = known || strcmp(advice_models[k].name, catalogue_entries[i].name) == 0;
        }
        assert_true(known);
    }
}

static void test_measure(void **state)
{
    (void)state;
    struct advice_machine machine = {.memory = 7};
    advice_measure(&machine);
    print_message("%d cores read %.1f GB/s\n", machine.cores, machine.read / 1e9);
    assert_true(machine.cores >= 1 && machine.memory == 7);
    assert_true(machine.read > 1e7 && machine.read < 1e13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_measure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
