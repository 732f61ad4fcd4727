#include "bench/machine/machine.h"

#include "bench/machine/topology.h"

#include <elf.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* jemalloc, if it is linked; it reads its settings from malloc_conf at its start. */
extern int mallctl(const char *name, void *old, size_t *old_size, void *new, size_t new_size) __attribute__((weak));
extern const char *malloc_conf;
const char *malloc_conf = "thp:always";

static void first_line(const char *path, const char *prefix, char *out, size_t size)
{
    char line[512];
    FILE *file = fopen(path, "r");
    snprintf(out, size, "unknown");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, prefix, strlen(prefix)) == 0) {
            const char *value = line + strlen(prefix);
            value += strspn(value, " \t:");
            snprintf(out, size, "%.*s", (int)strcspn(value, "\n"), value);
            break;
        }
    if (file)
        fclose(file);
}

static void read_allocator(bench_machine *machine)
{
    const char *version = NULL, *thp = NULL;
    size_t size = sizeof version;
    if (!mallctl || mallctl("version", &version, &size, NULL, 0) != 0) {
        snprintf(machine->allocator, sizeof machine->allocator, "the C library's");
        return;
    }
    snprintf(machine->allocator, sizeof machine->allocator, "jemalloc %.*s", (int)strcspn(version, "-"), version);
    size = sizeof thp;
    machine->huge_pages = mallctl("opt.thp", &thp, &size, NULL, 0) == 0 && strcmp(thp, "always") == 0;
}

uint64_t bench_allocated_bytes(void)
{
    uint64_t epoch = 1;
    size_t bytes = 0, size = sizeof epoch;
    if (!mallctl) {
        struct mallinfo2 info = mallinfo2();
        return info.uordblks + info.hblkhd;
    }
    mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
    mallctl("epoch", &epoch, &size, &epoch, sizeof epoch); /* figures are those of the last epoch */
    size = sizeof bytes;
    mallctl("stats.allocated", &bytes, &size, NULL, 0);
    return bytes;
}

uint64_t bench_resident_bytes(const char *which)
{
    char kib[64];
    first_line("/proc/self/status", which, kib, sizeof kib);
    return strtoull(kib, NULL, 10) * 1024;
}

/* Whether a word begins with an item of the list; `whole`: it must equal the item, unless the item ends with '='. */
static bool is_one_of(const char *word, size_t length, const char *const *list, bool whole)
{
    for (; *list; list++) {
        size_t begins = strlen(*list);
        if (length >= begins && strncmp(word, *list, begins) == 0 &&
            (!whole || length == begins || (*list)[begins - 1] == '='))
            return true;
    }
    return false;
}

static bool has_word(const char *list, const char *word, size_t length)
{
    for (; *list; list += strcspn(list, " "), list += *list == ' ')
        if (strcspn(list, " ") == length && strncmp(list, word, length) == 0)
            return true;
    return false;
}

/* Chooses the flags that change the code, each once, without those that the compiler and Bazel add. */
static bool choose_flags(const char *text, size_t size, char *out, size_t room)
{
    static const char *const kept[] = {"-O", "-f", "-m", "-std", NULL};
    static const char *const filled_in[] = {"-mtune=generic",
                                            "-march=x86-64",
                                            "-fstack-protector",
                                            "-ffunction-sections",
                                            "-fdata-sections",
                                            "-frandom-seed=",
                                            "-fno-canonical-system-headers",
                                            "-fasynchronous-unwind-tables",
                                            NULL};
    size_t used = 0, length;
    *out = '\0';
    for (size_t at = 0; at < size; at += length + 1) {
        const char *word = text + at;
        length = 0;
        while (at + length < size && word[length] != ' ' && word[length] != '\0')
            length++;
        if (is_one_of(word, length, kept, false) && !is_one_of(word, length, filled_in, true) &&
            !has_word(out, word, length) && used < room)
            used += (size_t)snprintf(out + used, room - used, "%s%.*s", used ? " " : "", (int)length, word);
    }
    return used > 0 && used < room;
}

/* The flags of this compilation, which the compiler recorded in the program itself (-frecord-gcc-switches). */
static bool recorded_flags(const char *image, size_t size, char *out, size_t room)
{
    const Elf64_Ehdr *header = (const void *)image;
    if (size < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64 ||
        header->e_shoff + (size_t)header->e_shnum * sizeof(Elf64_Shdr) > size || header->e_shstrndx >= header->e_shnum)
        return false;
    const Elf64_Shdr *section = (const void *)(image + header->e_shoff);
    const char *names = image + section[header->e_shstrndx].sh_offset;
    for (unsigned i = 0; i < header->e_shnum; i++)
        if (strcmp(names + section[i].sh_name, ".GCC.command.line") == 0 &&
            section[i].sh_offset + section[i].sh_size <= size) {
            const char *text = image + section[i].sh_offset; /* one string per object: the first is enough */
            return choose_flags(text, strnlen(text, section[i].sh_size), out, room);
        }
    return false;
}

static void read_flags(bench_machine *machine)
{
    FILE *file = fopen("/proc/self/exe", "rb");
    char *image = NULL;
    long size = 0;
    bool done = false;
    if (file && fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) > 0 && (image = malloc((size_t)size))) {
        rewind(file);
        if (fread(image, 1, (size_t)size, file) == (size_t)size)
            done = recorded_flags(image, (size_t)size, machine->flags, sizeof machine->flags);
    }
    if (!done)
        snprintf(machine->flags, sizeof machine->flags, "unknown");
    free(image);
    if (file)
        fclose(file);
}

void bench_machine_read(bench_machine *machine, const char *pin)
{
    enum { QUERY = 0, PRIVATE_EXPEDITED = 1 << 3 };
    const char *commit = getenv("WEFT_COMMIT");
    time_t now = time(NULL);
    struct tm utc;
    struct utsname name;
    memset(machine, 0, sizeof *machine);
    machine->cores = bench_cores();
    machine->pin = pin;
    machine->cores_online = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    bench_topology_describe(machine->topology, sizeof machine->topology);
    first_line("/proc/cpuinfo", "model name", machine->processor, sizeof machine->processor);
    first_line("/sys/kernel/mm/transparent_hugepage/enabled", "", machine->system_huge_pages,
               sizeof machine->system_huge_pages);
#if defined(__clang__)
    snprintf(machine->compiler, sizeof machine->compiler, "%s", __VERSION__);
#else
    snprintf(machine->compiler, sizeof machine->compiler, "gcc %s", __VERSION__);
#endif
    read_flags(machine);
    read_allocator(machine);
    if (uname(&name) == 0)
        snprintf(machine->kernel, sizeof machine->kernel, "%.20s %.70s", name.sysname, name.release);
    snprintf(machine->commit, sizeof machine->commit, "%s", commit && *commit ? commit : "unknown");
    if (gmtime_r(&now, &utc))
        strftime(machine->when, sizeof machine->when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (getloadavg(&machine->load, 1) != 1)
        machine->load = -1;
    long membarriers = syscall(SYS_membarrier, QUERY, 0, 0);
    machine->membarrier = membarriers > 0 && (membarriers & PRIVATE_EXPEDITED);
}
