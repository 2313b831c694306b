internal import CCurl
import Foundation
import Glibc

/// One libcurl handle: sends requests one at a time and keeps the connection for the next.
///
/// It follows no redirects, reads no netrc and adds no credentials of its own. A handle belongs to one
/// thread at a time.
public final class HTTPClient {
    private let handle: UnsafeMutableRawPointer
    private let userAgent: String
    private let environment: HTTPEnvironment
    private let headers: [(name: String, value: String)]

    /// Loads libcurl, on first use, and makes a handle.
    ///
    /// - Parameters:
    ///   - userAgent: what servers see; W&B's expect its own client's name.
    ///   - environment: the authorities to trust and the proxies to use.
    ///   - headers: go with every request that has none of these names.
    /// - Throws: `HTTPError.unavailable` where this machine has no libcurl.
    public init(
        userAgent: String = "wandb-core", environment: HTTPEnvironment = .process,
        headers: [(name: String, value: String)] = []
    ) throws(HTTPError) {
        if let reason = curl_library_load() { throw .unavailable(String(cString: reason)) }
        guard let handle = curl_handle_create() else { throw .unavailable("libcurl made no handle") }
        self.handle = handle
        self.userAgent = userAgent
        self.environment = environment
        self.headers = headers
    }

    deinit { curl_handle_free(handle) }

    /// Sends a request and waits for its reply, whatever its status.
    ///
    /// - Parameters:
    ///   - request: what to send.
    ///   - isCancelled: asked about once a second, and whenever bytes move; true ends the request.
    /// - Returns: the reply.
    /// - Throws: `HTTPError` where no whole reply came.
    public func send(
        _ request: HTTPRequest, isCancelled: @escaping () -> Bool = { false }
    ) throws(HTTPError) -> HTTPResponse {
        try exchange(request, Exchange(limit: request.maximumReplyBytes, isCancelled: isCancelled))
    }

    /// Sends a request and gives what comes with a 2xx reply to `receive`, piece by piece, as it comes.
    ///
    /// - Parameters:
    ///   - request: what to send.
    ///   - receive: takes the reply's status and headers and the next bytes; false ends the request.
    ///   - isCancelled: asked about once a second, and whenever bytes move; true ends the request.
    /// - Returns: the reply; its body is empty unless the status is another one.
    /// - Throws: `HTTPError` where no whole reply came, `.cancelled` if `receive` ended it.
    public func send(
        _ request: HTTPRequest, receive: @escaping (HTTPResponse, UnsafeRawBufferPointer) -> Bool,
        isCancelled: @escaping () -> Bool = { false }
    ) throws(HTTPError) -> HTTPResponse {
        let exchange = Exchange(limit: request.maximumReplyBytes, isCancelled: isCancelled)
        exchange.receive = receive
        return try self.exchange(request, exchange)
    }

    private func exchange(_ request: HTTPRequest, _ exchange: Exchange) throws(HTTPError) -> HTTPResponse {
        let host = URLComponents(string: request.url)?.host ?? "the server"
        curl_handle_reset(handle)
        var list: UnsafeMutablePointer<curl_slist>?
        defer { curl_list_free(list) }
        let own = Set(request.headers.map { $0.name.lowercased() })
        let headers = request.headers + self.headers.filter { !own.contains($0.name.lowercased()) }
        // Without an empty Expect, libcurl waits for a go-ahead before each large body; without a type, it calls a body a form.
        let blank = own.contains("content-type") ? ["Expect:"] : ["Expect:", "Content-Type:"]
        for line in headers.map(Self.line) + blank {
            list = curl_list_append(list, line) ?? list
        }
        setOptions(request, headers: list)
        setSecurity()
        setProxy(for: request.url)

        let context = Unmanaged.passUnretained(exchange).toOpaque()
        curl_set_body_receiver(handle, receiveBody, context)
        curl_set_header_receiver(handle, receiveHeader, context)
        curl_set_progress(handle, checkProgress, context)
        let code = try withExtendedLifetime(exchange) { () throws(HTTPError) in
            try perform(request, exchange: exchange)
        }
        guard code == CURLE_OK else { throw error(code, host: host, exchange: exchange) }
        var status = 0
        curl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
        return HTTPResponse(status: status, headers: exchange.headers, body: exchange.body)
    }

    /// A header as libcurl takes it; one without a value would be left out but for the semicolon.
    private static func line(_ header: (name: String, value: String)) -> String {
        header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)"
    }

    private func setOptions(_ request: HTTPRequest, headers: UnsafeMutablePointer<curl_slist>?) {
        curl_set_string(handle, CURLOPT_URL, request.url)
        curl_set_string(handle, CURLOPT_CUSTOMREQUEST, request.method)
        curl_set_string(handle, CURLOPT_USERAGENT, userAgent)
        curl_set_list(handle, CURLOPT_HTTPHEADER, headers)
        // Signals would interrupt other threads.
        curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0)
        // On a connection used before, libcurl would repeat a request that breaks, at once and silently.
        if request.method == "POST" { curl_set_long(handle, CURLOPT_FRESH_CONNECT, 1) }
        curl_set_long(handle, CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
        // Names of protocols came with 7.85; older libraries only know the numbers.
        if curl_set_string(handle, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK {
            curl_set_long(handle, CURLOPT_PROTOCOLS, Int(CURLPROTO_HTTP | CURLPROTO_HTTPS))
        }
        curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeout.milliseconds)
        if let timeout = request.timeout {
            curl_set_long(handle, CURLOPT_TIMEOUT_MS, timeout.milliseconds)
        }
        curl_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, 1)
        curl_set_long(handle, CURLOPT_LOW_SPEED_TIME, max(1, request.stallTimeout.milliseconds / 1000))
        curl_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1)
    }

    private func setSecurity() {
        if !environment.checksCertificates {
            curl_set_long(handle, CURLOPT_SSL_VERIFYPEER, 0)
            curl_set_long(handle, CURLOPT_SSL_VERIFYHOST, 0)
        }
        guard let authorities = environment.authorities else { return }
        let code = authorities.withUnsafeBytes { curl_set_authorities(handle, $0.baseAddress, $0.count) }
        // Certificates from memory came with 7.77.
        guard code != CURLE_OK else { return }
        if let file = environment.authorityFile { curl_set_string(handle, CURLOPT_CAINFO, file) }
        if let folder = environment.authorityFolder { curl_set_string(handle, CURLOPT_CAPATH, folder) }
    }

    private func setProxy(for url: String) {
        let scheme = url.prefix { $0 != ":" }.lowercased()
        if let proxy = environment.proxies[scheme] { curl_set_string(handle, CURLOPT_PROXY, proxy) }
        if let hosts = environment.noProxy { curl_set_string(handle, CURLOPT_NOPROXY, hosts) }
    }

    private func perform(_ request: HTTPRequest, exchange: Exchange) throws(HTTPError) -> CURLcode {
        switch request.body {
        case .none:
            return run(exchange)
        case .bytes(let bytes):
            return bytes.withUnsafeBytes { buffer in
                curl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(buffer.count))
                // A null pointer would mean "ask the body provider"; an empty body has an empty buffer.
                return withUnsafePointer(to: UInt8(0)) { empty in
                    curl_set_pointer(
                        handle, CURLOPT_POSTFIELDS, buffer.baseAddress ?? UnsafeRawPointer(empty))
                    return run(exchange)
                }
            }
        case .file(let path, let place):
            guard let file = fopen(path, "rb") else {
                throw .unreadableFile(path: path, reason: String(cString: strerror(errno)))
            }
            defer { fclose(file) }
            var information = stat()
            guard fstat(fileno(file), &information) == 0 else {
                throw .unreadableFile(path: path, reason: String(cString: strerror(errno)))
            }
            let place = place ?? 0..<Int(information.st_size)
            guard place.upperBound <= Int(information.st_size), fseek(file, place.lowerBound, SEEK_SET) == 0 else {
                throw .unreadableFile(path: path, reason: "it ends early")
            }
            curl_set_long(handle, CURLOPT_UPLOAD, 1)
            // Without its size libcurl would send it in chunks, which object stores refuse.
            curl_set_offset(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(place.count))
            let body = FileBody(file, count: place.count)
            return withExtendedLifetime(body) {
                curl_set_body_provider(handle, provideBody, Unmanaged.passUnretained(body).toOpaque())
                return run(exchange)
            }
        }
    }

    private func run(_ exchange: Exchange) -> CURLcode {
        exchange.detail.withUnsafeMutableBufferPointer { buffer in
            curl_set_pointer(handle, CURLOPT_ERRORBUFFER, buffer.baseAddress)
            defer { curl_set_pointer(handle, CURLOPT_ERRORBUFFER, nil) }
            return curl_handle_perform(handle)
        }
    }

    /// libcurl quotes the proxy, and may take a part of its password for its name.
    private static let proxyTrouble =
        "the proxy's address can't be read, or there is no such proxy (its value is not shown; "
        + "in a password, characters such as '#', '/' and '@' are written '%23', '%2F' and '%40')"

    private func error(_ code: CURLcode, host: String, exchange: Exchange) -> HTTPError {
        let detail = String(
            decoding: exchange.detail.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let reason =
            code == CURLE_COULDNT_RESOLVE_PROXY || detail.contains("Unsupported proxy")
            ? Self.proxyTrouble : detail.isEmpty ? String(cString: curl_error_text(code)) : detail
        switch code {
        case CURLE_ABORTED_BY_CALLBACK: return .cancelled
        case CURLE_OPERATION_TIMEDOUT: return .timedOut(host: host)
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT:
            return .couldNotConnect(host: host, reason: reason)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_ENGINE_NOTFOUND:
            return .tls(host: host, reason: reason)
        case CURLE_WRITE_ERROR where exchange.isRefused: return .cancelled
        case CURLE_WRITE_ERROR where exchange.isTooLarge:
            return .replyTooLarge(host: host, limit: exchange.limit)
        default: return .broken(host: host, reason: reason)
        }
    }
}

/// What libcurl's callbacks fill while one request runs.
private final class Exchange {
    let limit: Int
    let isCancelled: () -> Bool
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var isTooLarge = false
    var status = 0
    /// Takes the body of a 2xx reply, in place of `body`.
    var receive: ((HTTPResponse, UnsafeRawBufferPointer) -> Bool)?
    var isRefused = false
    var detail = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))

    init(limit: Int, isCancelled: @escaping () -> Bool) {
        self.limit = limit
        self.isCancelled = isCancelled
    }

    static func at(_ context: UnsafeMutableRawPointer?) -> Exchange? {
        context.map { Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }
    }
}

private func receiveBody(
    bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
    guard let exchange = Exchange.at(context), let bytes else { return 0 }
    let length = size * count
    if let receive = exchange.receive, (200..<300).contains(exchange.status) {
        let head = HTTPResponse(status: exchange.status, headers: exchange.headers, body: [])
        exchange.isRefused = !receive(head, UnsafeRawBufferPointer(start: bytes, count: length))
        return exchange.isRefused ? 0 : length
    }
    guard exchange.body.count + length <= exchange.limit else {
        exchange.isTooLarge = true
        return 0
    }
    exchange.body.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: length))
    return length
}

private func receiveHeader(
    bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
    guard let exchange = Exchange.at(context), let bytes else { return 0 }
    let length = size * count
    let line = String(decoding: UnsafeRawBufferPointer(start: bytes, count: length), as: UTF8.self)
    if line.hasPrefix("HTTP/") {
        // A new status line: what came before belonged to a proxy or to "100 Continue".
        exchange.headers.removeAll()
        exchange.status = line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    } else if let colon = line.firstIndex(of: ":") {
        let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespacesAndNewlines)
        exchange.headers.append((String(line[..<colon]), value))
    }
    return length
}

/// The part of a file that is sent: libcurl takes all that it is given, also beyond the length that the headers state.
private final class FileBody {
    private let file: UnsafeMutablePointer<FILE>
    private var remaining: Int

    init(_ file: UnsafeMutablePointer<FILE>, count: Int) {
        (self.file, self.remaining) = (file, count)
    }

    func read(into buffer: UnsafeMutablePointer<CChar>, atMost capacity: Int) -> Int {
        let count = fread(buffer, 1, min(capacity, remaining), file)
        remaining -= count
        return count
    }
}

private func provideBody(
    buffer: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
    guard let buffer, let context else { return 0 }
    return Unmanaged<FileBody>.fromOpaque(context).takeUnretainedValue().read(into: buffer, atMost: size * count)
}

private func checkProgress(
    context: UnsafeMutableRawPointer?, toReceive: curl_off_t, received: curl_off_t, toSend: curl_off_t,
    sent: curl_off_t
) -> Int32 {
    Exchange.at(context)?.isCancelled() == true ? 1 : 0
}
