/* Makes every call that would ask a file server take LATENCY_US longer, for paths at or below LATENCY_ROOT.
 *
 * Preloaded into whatever is measured (LD_PRELOAD). What waits: looking up, opening, listing (once every
 * LISTED_AT_ONCE entries) and reading. What does not: fstat, close, lseek, because a client answers them
 * itself. Paths relative to a directory handle count when that directory does; handles are followed through
 * dup, fcntl, fdopendir, and through fork, because they are kept in plain memory.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define HANDLES 65536
#define LISTINGS 4096
#define LISTED_AT_ONCE 400

static unsigned char followed[HANDLES];
static struct { DIR *listing; unsigned entries; } listings[LISTINGS];
static const char *root;
static size_t root_length;
static struct timespec latency;
static int cwd_followed;

__attribute__((constructor)) static void start(void) {
    const char *us = getenv("LATENCY_US");
    root = getenv("LATENCY_ROOT");
    root_length = root ? strlen(root) : 0;
    long micro = us ? atol(us) : 0;
    latency.tv_sec = micro / 1000000;
    latency.tv_nsec = (micro % 1000000) * 1000;
}

static void wait_a_little(void) {
    struct timespec left = latency;
    while (nanosleep(&left, &left) != 0) {}
}

static int in_store(int at, const char *path) {
    if (!root_length || !path) return 0;
    if (path[0] == '/') return !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
    if (at == AT_FDCWD) return cwd_followed;
    return at >= 0 && at < HANDLES && followed[at];
}

static void follow(int handle, int yes) {
    if (handle >= 0 && handle < HANDLES) followed[handle] = (unsigned char)yes;
}

static int is_followed(int handle) { return handle >= 0 && handle < HANDLES && followed[handle]; }

#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define MODE(flags, last) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, last); mode = va_arg(rest, mode_t); va_end(rest); }

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, #name, const char *, int, ...); \
        MODE(flags, flags) \
        int yes = in_store(AT_FDCWD, path); \
        if (yes) wait_a_little(); \
        int handle = real(path, flags, mode); \
        if (handle >= 0) follow(handle, yes); \
        return handle; \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) { \
        REAL(int, #name, int, const char *, int, ...); \
        MODE(flags, flags) \
        int yes = in_store(at, path); \
        if (yes) wait_a_little(); \
        int handle = real(at, path, flags, mode); \
        if (handle >= 0) follow(handle, yes); \
        return handle; \
    }
OPENAT(openat)
OPENAT(openat64)

#define STAT(name, type) \
    int name(const char *path, struct type *status) { \
        REAL(int, #name, const char *, struct type *); \
        if (in_store(AT_FDCWD, path)) wait_a_little(); \
        return real(path, status); \
    }
STAT(stat, stat)
STAT(stat64, stat64)
STAT(lstat, stat)
STAT(lstat64, stat64)

#define FSTATAT(name, type) \
    int name(int at, const char *path, struct type *status, int flags) { \
        REAL(int, #name, int, const char *, struct type *, int); \
        if (path && *path && in_store(at, path)) wait_a_little(); \
        return real(at, path, status, flags); \
    }
FSTATAT(fstatat, stat)
FSTATAT(fstatat64, stat64)

#define XSTATAT(name, type) \
    int name(int version, int at, const char *path, struct type *status, int flags) { \
        REAL(int, #name, int, int, const char *, struct type *, int); \
        if (path && *path && in_store(at, path)) wait_a_little(); \
        return real(version, at, path, status, flags); \
    }
XSTATAT(__fxstatat, stat)
XSTATAT(__fxstatat64, stat64)

#define XSTAT(name, type) \
    int name(int version, const char *path, struct type *status) { \
        REAL(int, #name, int, const char *, struct type *); \
        if (in_store(AT_FDCWD, path)) wait_a_little(); \
        return real(version, path, status); \
    }
XSTAT(__xstat, stat)
XSTAT(__xstat64, stat64)
XSTAT(__lxstat, stat)
XSTAT(__lxstat64, stat64)

int statx(int at, const char *path, int flags, unsigned mask, struct statx *status) {
    REAL(int, "statx", int, const char *, int, unsigned, struct statx *);
    if (path && *path && in_store(at, path)) wait_a_little();
    return real(at, path, flags, mask, status);
}

int access(const char *path, int mode) {
    REAL(int, "access", const char *, int);
    if (in_store(AT_FDCWD, path)) wait_a_little();
    return real(path, mode);
}

int faccessat(int at, const char *path, int mode, int flags) {
    REAL(int, "faccessat", int, const char *, int, int);
    if (in_store(at, path)) wait_a_little();
    return real(at, path, mode, flags);
}

ssize_t readlink(const char *path, char *text, size_t size) {
    REAL(ssize_t, "readlink", const char *, char *, size_t);
    if (in_store(AT_FDCWD, path)) wait_a_little();
    return real(path, text, size);
}

ssize_t readlinkat(int at, const char *path, char *text, size_t size) {
    REAL(ssize_t, "readlinkat", int, const char *, char *, size_t);
    if (in_store(at, path)) wait_a_little();
    return real(at, path, text, size);
}

ssize_t read(int handle, void *data, size_t size) {
    REAL(ssize_t, "read", int, void *, size_t);
    if (is_followed(handle)) wait_a_little();
    return real(handle, data, size);
}

ssize_t pread64(int handle, void *data, size_t size, off64_t at) {
    REAL(ssize_t, "pread64", int, void *, size_t, off64_t);
    if (is_followed(handle)) wait_a_little();
    return real(handle, data, size, at);
}

int chdir(const char *path) {
    REAL(int, "chdir", const char *);
    int yes = in_store(AT_FDCWD, path), result = real(path);
    if (!result) cwd_followed = yes;
    return result;
}

int fchdir(int handle) {
    REAL(int, "fchdir", int);
    int result = real(handle);
    if (!result) cwd_followed = is_followed(handle);
    return result;
}

int dup(int handle) {
    REAL(int, "dup", int);
    int other = real(handle);
    follow(other, is_followed(handle));
    return other;
}

int dup2(int handle, int wanted) {
    REAL(int, "dup2", int, int);
    int other = real(handle, wanted);
    follow(other, is_followed(handle));
    return other;
}

int dup3(int handle, int wanted, int flags) {
    REAL(int, "dup3", int, int, int);
    int other = real(handle, wanted, flags);
    follow(other, is_followed(handle));
    return other;
}

#define FCNTL(name) \
    int name(int handle, int command, ...) { \
        REAL(int, #name, int, int, ...); \
        va_list rest; \
        va_start(rest, command); \
        void *argument = va_arg(rest, void *); \
        va_end(rest); \
        int result = real(handle, command, argument); \
        if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) follow(result, is_followed(handle)); \
        return result; \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

/* Handles are made by calls nobody sees here too (pipes, sockets): a closed one is forgotten. */
int close(int handle) {
    REAL(int, "close", int);
    follow(handle, 0);
    return real(handle);
}

static unsigned slot_of(DIR *listing) { return (unsigned)(((size_t)listing >> 5) % LISTINGS); }

static DIR *listing_of(DIR *listing, int yes) {
    if (listing) {
        int handle = dirfd(listing);
        follow(handle, yes);
        if (yes) {
            listings[slot_of(listing)].listing = listing;
            listings[slot_of(listing)].entries = 0;
        }
    }
    return listing;
}

DIR *opendir(const char *path) {
    REAL(DIR *, "opendir", const char *);
    int yes = in_store(AT_FDCWD, path);
    if (yes) wait_a_little();
    return listing_of(real(path), yes);
}

DIR *fdopendir(int handle) {
    REAL(DIR *, "fdopendir", int);
    return listing_of(real(handle), is_followed(handle));
}

int closedir(DIR *listing) {
    REAL(int, "closedir", DIR *);
    follow(dirfd(listing), 0);
    return real(listing);
}

/* A slot lost to another listing only costs that listing one more wait. */
static void listed(DIR *listing) {
    if (!is_followed(dirfd(listing))) return;
    unsigned slot = slot_of(listing);
    if (listings[slot].listing != listing) {
        listings[slot].listing = listing;
        listings[slot].entries = 0;
    }
    if (listings[slot].entries++ % LISTED_AT_ONCE == 0) wait_a_little();
}

struct dirent *readdir(DIR *listing) {
    REAL(struct dirent *, "readdir", DIR *);
    listed(listing);
    return real(listing);
}

struct dirent64 *readdir64(DIR *listing) {
    REAL(struct dirent64 *, "readdir64", DIR *);
    listed(listing);
    return real(listing);
}
