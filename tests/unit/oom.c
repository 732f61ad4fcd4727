#include "tests/unit/oom.h"

#include <errno.h>
#include <stdio.h>

/* Lets the nth allocation fail (for_good: all later ones, too). Returns how many were refused. */
static size_t attempt(weft_scheme scheme, const t_operation *o, long nth, bool for_good)
{
    t_alloc alloc;
    weft_domain *domain = t_domain(scheme, &alloc);
    void *subject = o->prepare(domain);
    errno = 4711;
    t_alloc_fail(&alloc, nth, for_good);
    int result = o->operate(subject);
    size_t refused = atomic_load(&alloc.refused);
    t_alloc_fail_never(&alloc);
    CHECK(errno == 4711);
    CHECK(result >= 0 || (result == -ENOMEM && refused > 0));
    o->check(subject, result >= 0);
    if (result < 0) {
        CHECK(o->operate(subject) >= 0);
        o->check(subject, true);
    }
    o->finish(subject);
    t_barrier(domain);
    t_domain_done(domain, &alloc);
    return refused;
}

void t_out_of_memory(weft_scheme scheme, const t_operation *operation, size_t least)
{
    for (int for_good = 0; for_good < 2; for_good++) {
        size_t all = 0, refused = 1;
        for (long nth = 1; refused > 0; nth++)
            all += refused = attempt(scheme, operation, nth, for_good != 0);
        print_message("%s: memory refused %zu times%s\n", operation->name, all, for_good ? ", for good" : "");
        CHECK(all >= least);
    }
}
