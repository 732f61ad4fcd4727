/*
 * A directory tree walked by several threads. Each owns a deque of directories: it takes the newest, whose parent it has just
 * read, and an idle one steals half of another's, the oldest ones, below which most is left to do.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/queues/deque.h>

enum { WORKERS = 3, DEPTH = 3, WIDTH = 6 };

WEFT_DEQUE_OF(directory_deque, char *);

static directory_deque *deques[WORKERS];
static atomic_long unread = 1; /* directories found and not read yet */
static atomic_long files, stolen, lost;

static void read_directory(directory_deque *mine, char *path)
{
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory)) != NULL;) {
        char *below;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (entry->d_type != DT_DIR) {
            atomic_fetch_add(&files, 1);
            continue;
        }
        atomic_fetch_add(&unread, 1); /* before others can find it */
        if (asprintf(&below, "%s/%s", path, entry->d_name) < 0 || directory_deque_push(mine, below) != 0) {
            atomic_fetch_add(&lost, 1); /* no memory: this directory is left out, and said so */
            atomic_fetch_sub(&unread, 1);
        }
    }
    if (directory)
        closedir(directory);
    free(path);
    atomic_fetch_sub(&unread, 1);
}

static void *work(void *index)
{
    directory_deque *mine = deques[(uintptr_t)index];
    char *path;
    for (uintptr_t victim = 0; atomic_load(&unread) > 0; victim++) {
        while (directory_deque_try_pop(mine, &path))
            read_directory(mine, path);
        size_t got = directory_deque_steal_half(deques[victim % WORKERS], mine); /* nothing from itself */
        atomic_fetch_add(&stolen, (long)got);
        if (got == 0)
            sched_yield();
    }
    return NULL;
}

/* Makes a tree to walk: WIDTH directories and one file in each, DEPTH levels. Returns how many files. */
static long make_tree(const char *path, int depth)
{
    char below[4096];
    long made = 1;
    snprintf(below, sizeof below, "%s/file", path);
    FILE *file = fopen(below, "w");
    if (!file || fclose(file) != 0)
        exit(1);
    for (int i = 0; depth > 0 && i < WIDTH; i++) {
        snprintf(below, sizeof below, "%s/%d", path, i);
        if (mkdir(below, 0700) != 0)
            exit(1);
        made += make_tree(below, depth - 1);
    }
    return made;
}

int main(void)
{
    char root[] = "/tmp/tree_walk_XXXXXX", command[100];
    pthread_t thread[WORKERS];
    if (!mkdtemp(root))
        return 1;
    long made = make_tree(root, DEPTH);
    for (int i = 0; i < WORKERS; i++)
        if (directory_deque_create(&deques[i], NULL) != 0)
            return 1;
    if (directory_deque_push(deques[0], strdup(root)) != 0)
        return 1;
    for (uintptr_t i = 0; i < WORKERS; i++)
        if (pthread_create(&thread[i], NULL, work, (void *)i) != 0)
            return 1;
    for (int i = 0; i < WORKERS; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < WORKERS; i++)
        directory_deque_destroy(deques[i], NULL, NULL);
    snprintf(command, sizeof command, "rm -r %s", root);
    printf("%ld files in the tree\n", atomic_load(&files));
    return system(command) == 0 && atomic_load(&files) == made && atomic_load(&lost) == 0 ? 0 : 1;
}
