/* host PLUGIN: again and again loads it, uses it in threads, some of which outlive it, and unloads it. */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

enum { THREADS = 4, TURNS = 50 };

static int (*work)(int);
static sem_t worked, may_end;

static void *run(void *argument)
{
    (void)argument;
    void *result = work(1000) == 1000 ? NULL : "the plugin's work failed";
    sem_post(&worked);
    sem_wait(&may_end); /* ends, and runs the exit hook, when the plugin has gone */
    return result;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    void *wrong;
    sem_init(&worked, 0, 0);
    sem_init(&may_end, 0, 0);
    for (int turn = 0; turn < TURNS && argc == 2; turn++) {
        void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        if (!plugin || !(*(void **)&work = dlsym(plugin, "plugin_work"))) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        for (int i = 0; i < THREADS; i++)
            if (pthread_create(&threads[i], NULL, run, NULL) != 0)
                return 1;
        for (int i = 0; i < THREADS; i++)
            sem_wait(&worked);
        dlclose(plugin);
        for (int i = 0; i < THREADS; i++)
            sem_post(&may_end);
        for (int i = 0; i < THREADS; i++)
            if (pthread_join(threads[i], &wrong) != 0 || wrong)
                return 1;
    }
    printf("loaded and unloaded %d times\n", TURNS);
    return argc == 2 ? 0 : 1;
}
