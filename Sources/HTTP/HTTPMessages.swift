/// A request over HTTP.
public struct HTTPRequest: Sendable {
    /// What a request carries.
    public enum Body: Sendable {
        /// Nothing.
        case none
        /// Bytes in memory.
        case bytes([UInt8])
        /// A whole file, or a part of one, sent with its length.
        case file(path: String, place: Range<Int>? = nil)
    }

    /// The method, such as GET.
    public var method: String
    /// The absolute address.
    public var url: String
    /// Header names and values.
    public var headers: [(name: String, value: String)]
    /// What it carries.
    public var body: Body
    /// How long the connection may take.
    public var connectTimeout: Duration = .seconds(10)
    /// How long everything may take, or nil for as long as bytes move.
    public var timeout: Duration? = .seconds(30)
    /// How long nothing may move, neither bytes out nor in.
    public var stallTimeout: Duration = .seconds(180)
    /// The largest reply to take.
    public var maximumReplyBytes = 16 << 20

    /// A request with the usual limits.
    public init(
        method: String, url: String, headers: [(name: String, value: String)] = [], body: Body = .none
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// A reply over HTTP.
public struct HTTPResponse: Sendable {
    /// The status code.
    public var status: Int
    /// Header names, as the server wrote them, and values.
    public var headers: [(name: String, value: String)]
    /// What came with it.
    public var body: [UInt8]

    /// A reply as it came.
    public init(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The last value of a header, whose name may be written in any case.
    public func header(_ name: String) -> String? {
        headers.last { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// Whether the status is 2xx.
    public var isSuccess: Bool { (200..<300).contains(status) }
}
