import Testing

@testable import Dashboard

struct GateTests {
    let gate = Gate(token: "secret", prefix: "/node/n1/8123/", hosts: ["ondemand.example.org"])

    private func refusal(_ headers: [String: String], data: Bool = true) -> Gate.Refusal? {
        gate.refusal(
            of: ["host": "127.0.0.1:8123", "authorization": "Bearer secret"].merging(headers) { $1 }, needsToken: data)
    }

    @Test func behindAProxyItsUsersGetALinkOfTheirOwn() {
        let link = PageLink(gate: gate, port: 8123, start: "/job/7")
        #expect(link.text == "http://127.0.0.1:8123/node/n1/8123/#/job/7?token=secret")
        #expect(
            link.throughProxy("ondemand.example.org")
                == "https://ondemand.example.org/node/n1/8123/#/job/7?token=secret")
        #expect(link.throughProxy(nil) == "https://PROXY/node/n1/8123/#/job/7?token=secret")
        #expect(PageLink(gate: Gate(), port: 1, start: "").throughProxy(nil) == nil)
    }

    @Test func dataNeedTheToken() {
        #expect(refusal([:]) == nil)
        for wrong in ["", "Bearer ", "Bearer secre", "Bearer secrets", "Bearer secreT", "secret", "Basic secret"] {
            #expect(refusal(["authorization": wrong]) == .token, "\(wrong)")
        }
        #expect(refusal(["authorization": ""], data: false) == nil)
    }

    @Test func onlyThisMachinesNamesAreAnswered() {
        for host in ["localhost", "localhost:9", "127.0.0.1", "[::1]:80", "LOCALHOST:1", "ondemand.example.org"] {
            #expect(refusal(["host": host]) == nil, "\(host)")
        }
        for host in [
            "", "evil.example", "localhost.evil.example:80", "127.0.0.1.evil.example", "[::1", "[::1].evil.example",
            "0.0.0.0", "127.0.0.1:80.evil.example", "localhost:80@evil.example", "localhost:80:80", "localhost.",
        ] {
            #expect(refusal(["host": host], data: false) == .host(host), "\(host)")
        }
    }

    @Test func otherPagesMayNotAsk() {
        #expect(refusal(["origin": "http://127.0.0.1:8123"]) == nil)
        for origin in ["null", "http://evil.example", "http://127.0.0.1:8124", "file://", "http://localhost:8123"] {
            #expect(refusal(["origin": origin]) == .origin(origin), "\(origin)")
        }
        #expect(refusal(["sec-fetch-site": "cross-site"]) == .origin("cross-site"))
        #expect(refusal(["sec-fetch-site": "same-origin"]) == nil)
        #expect(refusal(["sec-fetch-site": "cross-site"], data: false) == nil, "a link in a mail opens the page")
    }

    @Test func thePrefixIsTakenAwayWhereTheProxyHasLeftIt() {
        #expect(gate.withoutPrefix(["node", "n1", "8123", "api", "jobs"]) == ["api", "jobs"])
        #expect(gate.withoutPrefix(["api", "jobs"]) == ["api", "jobs"])
    }

    @Test func tokensAreLongAndNeverTheSame() {
        let tokens = (0..<50).map { _ in Gate.randomToken() }
        #expect(Set(tokens).count == 50)
        #expect(tokens.allSatisfy { $0.count == 64 })
    }

    @Test func addressesThatMeanTwoThingsMeanNothing() {
        for target in ["/a/..%2f..%2fetc/passwd", "/%2e%2e/x", "/a/../b", "/a%00b", "/a%5cb", "a", "/%ff%fe", ""] {
            #expect(Ask.parts(of: target) == nil, "\(target)")
        }
        let parts = Ask.parts(of: "/api/jobs/7?settings=a%2Cb&x=1+2&flag")
        #expect(parts?.path == ["api", "jobs", "7"])
        #expect(parts?.query == ["settings": "a,b", "x": "1 2", "flag": ""])
    }
}
