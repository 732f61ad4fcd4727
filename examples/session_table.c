/*
 * A table of sessions by name. The map owns keys and values: it destroys both when no reader can see them any more. So
 * a session may be removed or replaced at any moment, even while another thread uses it.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/hashmap/split_map.h>

enum { NAMES = 50, TURNS = 20000 };

struct session {
    char user[32];
    atomic_uint requests;
};

static weft_map *sessions;
static atomic_uint alive; /* sessions that have not been destroyed */

static void destroy_session(void *session, void *ctx)
{
    (void)ctx;
    atomic_fetch_sub(&alive, 1);
    free(session);
}

static void destroy_name(void *name, void *ctx)
{
    (void)ctx;
    free(name);
}

/* 0; -EEXIST: a user of that name is logged in; -ENOMEM. */
static int log_in(const char *name)
{
    char *key = strdup(name);
    struct session *session = malloc(sizeof *session);
    int error = key && session ? 0 : -ENOMEM;
    if (error == 0) {
        snprintf(session->user, sizeof session->user, "%s", name);
        atomic_init(&session->requests, 0);
        error = weft_map_insert(sessions, key, session);
    }
    if (error != 0) { /* the map has taken neither */
        free(key);
        free(session);
        return error;
    }
    atomic_fetch_add(&alive, 1);
    return 0;
}

/* With NULL for the value, the map destroys it, when no guard holds it. */
static bool log_out(const char *name)
{
    return weft_map_remove(sessions, name, NULL);
}

static bool request(const char *name)
{
    weft_guard guard;
    weft_enter(&guard, NULL);
    struct session *session = weft_map_get(sessions, &guard, name);
    bool known = session && strcmp(session->user, name) == 0; /* valid until the guard is left */
    if (known)
        atomic_fetch_add(&session->requests, 1);
    weft_leave(&guard);
    return known;
}

static void *serve(void *argument)
{
    unsigned random = (unsigned)(size_t)argument;
    size_t served = 0;
    for (int i = 0; i < TURNS; i++) {
        char name[16];
        random = random * 1664525u + 1013904223u;
        snprintf(name, sizeof name, "user%u", (random >> 8) % NAMES);
        if (random >> 28 == 0)
            (void)log_out(name);
        else if (!request(name))
            (void)log_in(name);
        else
            served++;
    }
    return (void *)served;
}

int main(void)
{
    weft_map_config config = weft_map_strings; /* a copy of the ready-made one, with destructors */
    pthread_t threads[2];
    void *served[2];

    config.destroy_key = destroy_name;
    config.destroy_value = destroy_session;
    if (weft_map_create(&sessions, NULL, &config) != 0)
        return 1;
    for (size_t i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, serve, (void *)(i + 1)) != 0)
            return 1;
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], &served[i]);

    printf("%zu requests served, %zu sessions open\n", (size_t)served[0] + (size_t)served[1], weft_map_size(sessions));
    weft_map_destroy(sessions, NULL, NULL);                          /* the destructors run for what is left */
    if (weft_domain_barrier(weft_default_domain(), UINT64_MAX) != 0) /* and for what had been removed */
        return 1;
    printf("%u sessions not destroyed\n", atomic_load(&alive));
    return atomic_load(&alive) == 0 ? 0 : 1;
}
