#pragma once

// The setters below take the options' types themselves.
#ifndef CURL_DISABLE_TYPECHECK
#define CURL_DISABLE_TYPECHECK
#endif
#include <curl/curl.h>

// libcurl, found at run time: a compute node may lack it, and then only tracking is lost.
// The types come from libcurl's headers; the functions are resolved by dlopen, and the variadic ones
// (which Swift cannot call) are wrapped once per argument type.

/// Loads libcurl on the first call, from any thread, and initialises it.
/// Returns NULL when it is ready, else one line that says why not.
const char *curl_library_load(void);

/// Tries the shared libraries in a NULL-terminated list, in order; what curl_library_load does with the usual names.
/// Returns a dlopen handle, or NULL and the last attempt's *reason.
void *curl_library_open(const char *const *names, const char **reason);

/// Everything below needs a curl_library_load that returned NULL.
const char *curl_library_version(void);
CURL *curl_handle_create(void);
void curl_handle_reset(CURL *handle);
void curl_handle_free(CURL *handle);
CURLcode curl_handle_perform(CURL *handle);
const char *curl_error_text(CURLcode code);

struct curl_slist *curl_list_append(struct curl_slist *list, const char *text);
void curl_list_free(struct curl_slist *list);

typedef size_t (*curl_receive)(char *bytes, size_t size, size_t count, void *context);
typedef size_t (*curl_provide)(char *buffer, size_t size, size_t count, void *context);
typedef int (*curl_progress)(
    void *context, curl_off_t toReceive, curl_off_t received, curl_off_t toSend, curl_off_t sent);

CURLcode curl_set_long(CURL *handle, CURLoption option, long value);
CURLcode curl_set_offset(CURL *handle, CURLoption option, curl_off_t value);
CURLcode curl_set_string(CURL *handle, CURLoption option, const char *value);
CURLcode curl_set_pointer(CURL *handle, CURLoption option, const void *value);
/// Trusts these authorities, in PEM, in place of the library's own; the bytes are copied.
CURLcode curl_set_authorities(CURL *handle, const void *certificates, size_t length);
CURLcode curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value);
CURLcode curl_set_body_receiver(CURL *handle, curl_receive callback, void *context);
CURLcode curl_set_header_receiver(CURL *handle, curl_receive callback, void *context);
CURLcode curl_set_body_provider(CURL *handle, curl_provide callback, void *context);
CURLcode curl_set_progress(CURL *handle, curl_progress callback, void *context);
CURLcode curl_get_long(CURL *handle, CURLINFO info, long *value);
