internal import CCurl
import Foundation
import HTTP
import Testing

@testable import StandInWandB
@testable import WandB

/// The HTTP layer: typed errors, limits, and credentials that stay where they belong.
struct HTTPClientTests {
    private func get(_ url: String) -> HTTPRequest { HTTPRequest(method: "GET", url: url) }

    @Test func aPortWithoutAServerCannotBeConnectedTo() throws {
        let server = try HangUpServer()
        server.stop()
        let error = #expect(throws: HTTPError.self) { try HTTPClient().send(get(server.baseURL)) }
        guard case .couldNotConnect(host: "127.0.0.1", reason: _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func aConnectionThatBreaksIsToldApart() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        server.backend.inject { _, _ in .resetBeforeTheWork }
        let error = #expect(throws: HTTPError.self) { try HTTPClient().send(get(server.baseURL)) }
        guard case .broken = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func aReplyLargerThanAllowedIsNotRead() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        server.backend.inject { _, _ in .refuse(status: 500) }
        var request = get(server.baseURL)
        request.maximumReplyBytes = 10
        #expect(throws: HTTPError.replyTooLarge(host: "127.0.0.1", limit: 10)) {
            try HTTPClient().send(request)
        }
    }

    @Test func aSlowReplyTimesOut() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        server.backend.inject { _, _ in .slow(.seconds(30)) }
        try await blocking {
            var request = get(server.baseURL)
            request.timeout = .milliseconds(100)
            _ = #expect(throws: HTTPError.timedOut(host: "127.0.0.1")) { try HTTPClient().send(request) }
        }
    }

    @Test func aRequestCanBeGivenUpFromOutside() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        server.backend.inject { _, _ in .slow(.seconds(30)) }
        try await blocking {
            _ = #expect(throws: HTTPError.cancelled) {
                try HTTPClient().send(get(server.baseURL)) { server.backend.requests > 0 }
            }
        }
    }

    @Test func redirectsAreNotFollowed() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        let elsewhere = server.baseURL + "/elsewhere"
        server.backend.inject { _, _ in .redirect(to: elsewhere) }
        let response = try HTTPClient().send(get(server.baseURL))
        #expect(response.status == 302)
        #expect(response.header("location") == elsewhere)
        #expect(server.backend.requests == 1)
    }

    @Test func otherProtocolsThanHTTPAreRefused() throws {
        #expect(throws: HTTPError.self) { try HTTPClient().send(get("file:///etc/hostname")) }
    }

    @Test func aMachineWithoutLibcurlIsToldSo() throws {
        var reason: UnsafePointer<CChar>?
        let name = strdup("libcurl-that-nobody-has.so.4")
        defer { free(name) }
        let names: [UnsafePointer<CChar>?] = [UnsafePointer(name), nil]
        #expect(curl_library_open(names, &reason) == nil)
        #expect(String(cString: try #require(reason)).contains("libcurl-that-nobody-has.so.4"))
    }

    @Test(
        arguments: [
            (400, .refused), (401, .refused), (403, .refused), (404, .missing), (409, .refused),
            (408, .transient), (413, .tooLarge), (418, .transient), (429, .transient), (500, .transient),
            (501, .refused),
            (503, .transient), (302, .refused),
        ] as [(Int, CallFailure.Kind)]) func statusesMeanWhatTheyMeanToWandB(
            status: Int, kind: CallFailure.Kind
        )
    {
        #expect(CallFailure.kind(ofStatus: status) == kind)
    }

    @Test func retryAfterIsSecondsOrADate() {
        #expect(CallFailure.retryAfter("7", now: 0) == .seconds(7))
        #expect(CallFailure.retryAfter("Wed, 21 Oct 2015 07:28:00 GMT", now: 1_445_412_470) == .seconds(10))
        #expect(CallFailure.retryAfter("Wed, 21 Oct 2015 07:28:00 GMT", now: 2_000_000_000) == .zero)
        #expect(CallFailure.retryAfter("soon", now: 0) == nil)
        #expect(CallFailure.retryAfter(nil, now: 0) == nil)
    }

    @Test func waitsDoubleUpToAMinute() {
        let waits = (1...8).map { SendPacing().retry(failures: $0, random: 0).seconds }
        #expect(waits == [2, 4, 8, 16, 32, 60, 60, 60])
        #expect(SendPacing().retry(failures: 1, random: 1).seconds == 2.5)
    }

    @Test func aSpentQuotaSpacesRequestsOut() {
        func spacing(_ remaining: String, _ reset: String) -> Duration {
            StreamReply.spacing(
                HTTPResponse(
                    status: 200, headers: [("ratelimit-remaining", remaining), ("RateLimit-Reset", reset)],
                    body: []))
        }
        #expect(spacing("10", "60") == .seconds(6))
        #expect(spacing("0", "60") == .seconds(60))
        #expect(spacing("x", "60") == .zero)
    }
}
