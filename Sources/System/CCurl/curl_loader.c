#include "CCurl.h"
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

static struct {
    CURLcode (*global_init)(long flags);
    char *(*version)(void);
    CURL *(*easy_init)(void);
    void (*easy_reset)(CURL *handle);
    void (*easy_cleanup)(CURL *handle);
    CURLcode (*easy_perform)(CURL *handle);
    CURLcode (*easy_setopt)(CURL *handle, CURLoption option, ...);
    CURLcode (*easy_getinfo)(CURL *handle, CURLINFO info, ...);
    const char *(*easy_strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
} library;

static char failure[512];
static const char *failure_or_null;
static pthread_once_t once = PTHREAD_ONCE_INIT;

void *curl_library_open(const char *const *names, const char **reason) {
    *reason = "no library was named";
    for (; *names; names++) {
        void *opened = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
        if (opened) return opened;
        *reason = dlerror();
    }
    return NULL;
}

static void load(void) {
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", NULL};
    failure_or_null = failure;
    const char *reason;
    void *opened = curl_library_open(names, &reason);
    if (!opened) {
        snprintf(failure, sizeof failure, "libcurl is not installed here (%s)", reason);
        return;
    }
    const struct { const char *name; void *slot; } functions[] = {
        {"curl_global_init", &library.global_init},     {"curl_version", &library.version},
        {"curl_easy_init", &library.easy_init},         {"curl_easy_reset", &library.easy_reset},
        {"curl_easy_cleanup", &library.easy_cleanup},   {"curl_easy_perform", &library.easy_perform},
        {"curl_easy_setopt", &library.easy_setopt},     {"curl_easy_getinfo", &library.easy_getinfo},
        {"curl_easy_strerror", &library.easy_strerror}, {"curl_slist_append", &library.slist_append},
        {"curl_slist_free_all", &library.slist_free_all},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *function = dlsym(opened, functions[i].name);
        if (!function) {
            snprintf(failure, sizeof failure, "this libcurl lacks %s", functions[i].name);
            return;
        }
        *(void **)functions[i].slot = function;
    }
    // Not thread-safe in older versions: pthread_once makes it so, as long as nobody else calls it.
    CURLcode code = library.global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) {
        snprintf(failure, sizeof failure, "libcurl did not start: %s", library.easy_strerror(code));
        return;
    }
    failure_or_null = NULL;
}

const char *curl_library_load(void) {
    pthread_once(&once, load);
    return failure_or_null;
}

const char *curl_library_version(void) { return library.version(); }
CURL *curl_handle_create(void) { return library.easy_init(); }
void curl_handle_reset(CURL *handle) { library.easy_reset(handle); }
void curl_handle_free(CURL *handle) { library.easy_cleanup(handle); }
// A peer that hangs up while a TLS library writes raises SIGPIPE in this thread, and would end the process.
CURLcode curl_handle_perform(CURL *handle) {
    sigset_t pipe, before, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    int was_pending = sigismember(&pending, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    CURLcode code = library.easy_perform(handle);
    const struct timespec now = {0, 0};
    if (!was_pending) sigtimedwait(&pipe, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}
const char *curl_error_text(CURLcode code) { return library.easy_strerror(code); }

struct curl_slist *curl_list_append(struct curl_slist *list, const char *text) {
    return library.slist_append(list, text);
}
void curl_list_free(struct curl_slist *list) { library.slist_free_all(list); }

CURLcode curl_set_long(CURL *handle, CURLoption option, long value) {
    return library.easy_setopt(handle, option, value);
}
CURLcode curl_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
    return library.easy_setopt(handle, option, value);
}
CURLcode curl_set_string(CURL *handle, CURLoption option, const char *value) {
    return library.easy_setopt(handle, option, value);
}
CURLcode curl_set_pointer(CURL *handle, CURLoption option, const void *value) {
    return library.easy_setopt(handle, option, value);
}
CURLcode curl_set_authorities(CURL *handle, const void *certificates, size_t length) {
    struct curl_blob blob = {(void *)certificates, length, CURL_BLOB_COPY};
    return library.easy_setopt(handle, CURLOPT_CAINFO_BLOB, &blob);
}
CURLcode curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return library.easy_setopt(handle, option, value);
}

static CURLcode set_callback(
    CURL *handle, CURLoption function, curl_receive callback, CURLoption data, void *context) {
    CURLcode code = library.easy_setopt(handle, function, callback);
    return code != CURLE_OK ? code : library.easy_setopt(handle, data, context);
}
CURLcode curl_set_body_receiver(CURL *handle, curl_receive callback, void *context) {
    return set_callback(handle, CURLOPT_WRITEFUNCTION, callback, CURLOPT_WRITEDATA, context);
}
CURLcode curl_set_header_receiver(CURL *handle, curl_receive callback, void *context) {
    return set_callback(handle, CURLOPT_HEADERFUNCTION, callback, CURLOPT_HEADERDATA, context);
}
CURLcode curl_set_body_provider(CURL *handle, curl_provide callback, void *context) {
    return set_callback(handle, CURLOPT_READFUNCTION, callback, CURLOPT_READDATA, context);
}
CURLcode curl_set_progress(CURL *handle, curl_progress callback, void *context) {
    CURLcode code = library.easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    if (code == CURLE_OK) code = library.easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, callback);
    return code != CURLE_OK ? code : library.easy_setopt(handle, CURLOPT_XFERINFODATA, context);
}
CURLcode curl_get_long(CURL *handle, CURLINFO info, long *value) {
    return library.easy_getinfo(handle, info, value);
}
