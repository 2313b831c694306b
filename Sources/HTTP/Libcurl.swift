internal import CCurl

/// The library that carries requests, loaded at run time: a compute node may lack it.
public enum Libcurl {
    /// Loads it, on first use, and says which one it is: `libcurl/7.88.1 OpenSSL/3.0.17 …`.
    ///
    /// - Throws: `HTTPError.unavailable` where this machine has none.
    public static func version() throws(HTTPError) -> String {
        if let reason = curl_library_load() { throw .unavailable(String(cString: reason)) }
        return String(cString: curl_library_version())
    }
}
