/*
 * -fsanitize=thread turns plain loads and stores into calls of these functions. The library under the machine is
 * compiled with that option and linked with this file in place of the sanitizer's runtime. So the machine checks every
 * plain access.
 */
#include "check/model/state.h"

static void note(const void *where, size_t size, bool write)
{
    if (m && m->result)
        model_plain(where, size, write, NULL, 0);
}

#define ACCESSES(size)                                                                                                 \
    void __tsan_read##size(const void *where);                                                                         \
    void __tsan_write##size(const void *where);                                                                        \
    void __tsan_unaligned_read##size(const void *where);                                                               \
    void __tsan_unaligned_write##size(const void *where);                                                              \
    void __tsan_read##size(const void *where)                                                                          \
    {                                                                                                                  \
        note(where, size, false);                                                                                      \
    }                                                                                                                  \
    void __tsan_write##size(const void *where)                                                                         \
    {                                                                                                                  \
        note(where, size, true);                                                                                       \
    }                                                                                                                  \
    void __tsan_unaligned_read##size(const void *where)                                                                \
    {                                                                                                                  \
        note(where, size, false);                                                                                      \
    }                                                                                                                  \
    void __tsan_unaligned_write##size(const void *where)                                                               \
    {                                                                                                                  \
        note(where, size, true);                                                                                       \
    }

ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)

void __tsan_init(void);
void __tsan_func_entry(void *from);
void __tsan_func_exit(void);
void __tsan_read_range(const void *where, size_t size);
void __tsan_write_range(const void *where, size_t size);

void __tsan_init(void) {}
void __tsan_func_entry(void *from)
{
    (void)from;
}
void __tsan_func_exit(void) {}
void __tsan_read_range(const void *where, size_t size)
{
    note(where, size, false);
}
void __tsan_write_range(const void *where, size_t size)
{
    note(where, size, true);
}
