import Testing

@testable import Dashboard

struct RequestHeadTests {
    private func head(_ lines: String...) -> RequestHead? { RequestHead(lines.joined(separator: "\r\n").utf8) }

    @Test func fieldsAreReadByTheirNames() throws {
        let parsed = try #require(
            head("POST /api/x?y=1 HTTP/1.1", "HOST:  localhost:1 ", "content-length: 12", "X-Empty:"))
        #expect(parsed.method == "POST" && parsed.target == "/api/x?y=1" && parsed.isKept && parsed.length == 12)
        #expect(parsed.headers == ["host": "localhost:1", "content-length": "12", "x-empty": ""])
    }

    @Test func connectionsAreKeptAsTheyAskFor() {
        #expect(head("GET / HTTP/1.1")?.isKept == true)
        #expect(head("GET / HTTP/1.1", "Connection: Close")?.isKept == false)
        #expect(head("GET / HTTP/1.0")?.isKept == false)
    }

    @Test(arguments: ["-5", "+5", "5,5", "0x5", "", "five"]) func aLengthIsAPlainNumber(_ text: String) {
        #expect(head("POST / HTTP/1.1", "Content-Length: \(text)")?.length == nil)
    }

    @Test func aLengthBeyondAllNumbersIsLarge() {
        #expect(head("POST / HTTP/1.1", "Content-Length: 99999999999999999999999")?.length == Int.max)
    }

    @Test(arguments: [
        "", "GET /", "GET  / HTTP/1.1", "GET / HTTP/2.0", "GET / x HTTP/1.1", "GET /\u{7F} HTTP/1.1",
        "GET /\u{e9} HTTP/1.1",
        "GET / HTTP/1.1\r\nno colon", "GET / HTTP/1.1\r\n: nameless", "GET / HTTP/1.1\r\nHost : localhost",
        "GET / HTTP/1.1\r\nX: a\r\n folded: b", "GET / HTTP/1.1\r\nX: a\0b",
        "GET / HTTP/1.1\r\nHost: evil.example\r\nHost: localhost",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 2",
    ])
    func whatMeansTwoThingsIsNoRequest(_ text: String) {
        #expect(RequestHead(text.utf8) == nil)
    }
}
