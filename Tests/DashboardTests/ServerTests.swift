import Foundation
import Glibc
import Layout
import Orchestration
import Store
import Testing

@testable import Dashboard

@Suite(.serialized)
struct ServerTests {
    @Test func dataAreForTheLinksHolderOnly() async throws {
        let scene = try Scene()
        try await scene.serving { client in
            for path in [
                "/api/site", "/api/jobs", "/api/jobs/1/runs", "/api/runs/\(scene.runs[0])/config", "/api/export",
            ] {
                #expect(try client.ask(path).status == 200, "\(path)")
                #expect(try client.ask(path, headers: ["Authorization": nil]).status == 401)
                #expect(try client.ask(path, headers: ["Authorization": "Bearer " + Gate.randomToken()]).status == 401)
                #expect(try client.ask(path, headers: ["Host": "evil.example:\(client.port)"]).status == 421)
                #expect(try client.ask(path, headers: ["Origin": "http://evil.example"]).status == 403)
            }
            let page = try client.ask("/", headers: ["Authorization": nil])
            #expect(page.status == 200 && page.body.contains("main.js"))
            let policy = try #require(page.header("Content-Security-Policy"))
            #expect(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"))
            #expect(!policy.contains("unsafe"))
            #expect(page.header("X-Content-Type-Options") == "nosniff")
            #expect(!page.body.contains("<script>"), "no script within the page")
            #expect(!page.body.contains(client.token) && !page.head.contains(client.token))
        }
    }

    @Test func noAddressLeadsIntoTheFileSystem() async throws {
        let scene = try Scene()
        try await scene.serving { client in
            let run = scene.runs[0]
            for path in [
                "/../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "//etc/passwd", "/api/runs/..%2f..%2fstate.sqlite",
                "/api/runs/\(run)/figures/../../state.sqlite", "/api/runs/\(run)/figures/0/..%2f..%2f..%2fstate.sqlite",
                "/api/runs/\(run)/log/../../../state.sqlite", "/api/jobs/1%2f..", "/api/agents/..%2fx/log",
                "/state.sqlite", "/api/runs/\(run)%00/config", "http://evil.example/api/jobs", "/api/runs/*/config",
            ] {
                let answer = try client.ask(path)
                #expect([400, 404].contains(answer.status), "\(path): \(answer.status)")
                #expect(!answer.body.contains("root:") && !answer.body.contains("SQLite format"))
            }
            for method in ["PUT", "DELETE", "OPTIONS", "PATCH"] {
                #expect(try client.ask("/api/jobs", method: method).status == 405)
            }
            let large = String(repeating: "x", count: (1 << 20) + 1)
            #expect([413, 0].contains(try client.ask("/api/curves", method: "POST", body: large).status))
            #expect(
                try client.ask("/api/curves", method: "POST", body: "{\"runs\":[\"../../x\"],\"metric\":\"a\"}").status
                    == 404)
        }
    }

    @Test func hostileNamesStayText() async throws {
        let name = "</script><script>alert(1)</script>\\\"\\n"
        let scene = try Scene { _ in "[[\"\(name.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\",\"1\"]]"
        }
        let store = try Store(scene.cache)
        _ = try store.cancel(JobID(rawValue: 1))
        try await scene.serving { client in
            for path in ["/api/jobs/1/runs", "/api/jobs/1/settings", "/api/jobs/1/runs?settings=%27%3B--,a%22b,%24"] {
                let answer = try client.ask(path)
                #expect(answer.status == 200, "\(answer.body)")
                #expect(answer.header("Content-Type") == "application/json; charset=utf-8")
                #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) }
            }
        }
    }

    @Test func aTableHasSettingsAsTheyAre() async throws {
        let scene = try Scene()
        try await scene.serving { client in
            struct Table: Decodable {
                let time: Double
                let settings: [String]
            }
            let answer = try client.ask("/api/jobs/1/runs?settings=lr,task_config.on,task_config.name,nothing")
            #expect(answer.body.contains(",0.001,true,\"a\",null]"), "\(answer.body)")
            let table = try JSONDecoder().decode(Table.self, from: Data(answer.body.utf8))
            #expect(table.settings == ["lr", "task_config.on", "task_config.name", "nothing"])
            let swept = try client.ask("/api/jobs/1/settings").body
            #expect(swept == #"{"all":["lr","seed","task_config.name","task_config.on"],"swept":["lr"]}"#)
            let news = try client.ask("/api/jobs/1/runs?since=\(table.time + 1000)").body
            #expect(news.contains(scene.runs[0].rawValue), "it runs")
            #expect(!news.contains(scene.runs[1].rawValue), "nothing happens to it")
            let chosen = try client.ask("/api/jobs/1/where?condition=lr%3E0.0015").body
            #expect(chosen == "{\"runs\":[\"\(scene.runs[1])\",\"\(scene.runs[2])\"]}")
            let wrong = try client.ask("/api/jobs/1/where?condition=lrr%3E1")
            #expect(wrong.status == 404 && wrong.body.contains("lrr"))
            #expect(try client.ask("/api/jobs/9").status == 404)
        }
    }

    @Test func curvesComeWithTimesAtWork() async throws {
        let scene = try Scene()
        let run = scene.runs[0]
        try scene.append(
            (0..<50).map { "{\"misc/step\":\($0),\"loss/total\":\($0 == 9 ? "NaN" : "0.5")}\n" }.joined(), to: run)
        try await scene.serving { client in
            let answer = try client.ask(
                "/api/curves", method: "POST",
                body: "{\"runs\":[\"\(run)\",\"\(scene.runs[1])\"],\"metric\":\"loss/total\"}")
            #expect(answer.status == 200)
            #expect(
                answer.body.contains("\"left\":[]") && answer.body.contains("8,9,10")
                    && answer.body.contains("0.5,null,0.5"))
            #expect(try client.ask("/api/runs/\(run)/logged").body == "[\"loss/total\"]")
            #expect(try client.ask("/api/runs/\(scene.runs[2])/logged").body == "[]")
            #expect(answer.body.contains("\"paces\":{\"\(run)\":[[0,0.0]]"))
            // A file that is none is told, and keeps nobody from the others.
            let other = scene.cache.folder(of: scene.runs[1])
            try FileManager.default.createDirectory(atPath: other.metrics, withIntermediateDirectories: true)
            let both = try client.ask(
                "/api/curves", method: "POST",
                body: "{\"runs\":[\"\(scene.runs[1])\",\"\(run)\"],\"metric\":\"loss/total\"}")
            #expect(both.body.contains("not a regular file") && both.body.contains("8,9,10"), "\(both.body)")
        }
    }

    @Test func aSlowClientHoldsNobodyUp() async throws {
        let scene = try Scene()
        try await scene.serving(patience: .seconds(3)) { client in
            let lazy = try (0..<50).map { _ in try client.connect() }
            defer { lazy.forEach { close($0) } }
            for socket in lazy { _ = "GET /api/jobs HT".withCString { write(socket, $0, 16) } }
            #expect(try client.ask("/api/jobs").status == 200)
            // It is told goodbye: the connection ends without an answer.
            var byte: UInt8 = 0
            #expect(read(lazy[0], &byte, 1) <= 0)
            #expect(try client.send("\u{0}\u{1}\u{2}\r\n\r\n").status == 400)
            #expect(try client.ask("/api/jobs").status == 200)
        }
    }

    @Test func whatMeansTwoThingsIsNoRequest() async throws {
        let scene = try Scene()
        try await scene.serving { client in
            for request in [
                "GET /", "GET / HTTP/2.0", "GET / x HTTP/1.1", "GET /\u{7F} HTTP/1.1", "GET /\u{e9} HTTP/1.1", "x",
                "GET / HTTP/1.1\r\nno colon", "GET / HTTP/1.1\r\n: nameless", "GET / HTTP/1.1\r\nHost : localhost",
                "GET / HTTP/1.1\r\nHost: localhost\r\n X: a", "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b",
                "GET / HTTP/1.1\r\nHost: evil.example\r\nHost: localhost",
                "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\ncontent-length: 2",
                "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
            ]
                + ["-5", "+5", "5,5", "0x5", "", "five", "99999999999999999999999"].map({
                    "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: \($0)"
                })
            {
                let status = try client.send(request + "\r\nConnection: close\r\n\r\n").status
                #expect(status == 400, "\(request): \(status)")
            }
        }
    }

    @Test func aBodyIsBoundedHoweverItComes() async throws {
        let scene = try Scene()
        try await scene.serving { client in
            let head =
                "POST /api/curves HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(client.token)\r\n"
                + "Connection: close\r\n"
            let wish = "{\"runs\":[],\"metric\":\"a\"}"
            let chunked = head + "Transfer-Encoding: chunked\r\n\r\n"
            let small = try client.send(chunked + String(wish.utf8.count, radix: 16) + "\r\n\(wish)\r\n0\r\n\r\n")
            #expect(small.status == 200, "\(small)")
            let large = String(repeating: " ", count: 2 << 20)
            #expect(try client.send(chunked + "200000\r\n\(large)\r\n0\r\n\r\n").status == 413)
            #expect(try client.send(head + "Content-Length: \(large.utf8.count)\r\n\r\n\(large)").status == 413)
            let patient = head + "Expect: 100-continue\r\nContent-Length: \(wish.utf8.count)\r\n\r\n\(wish)"
            let both = try client.send(patient)
            #expect(both.status == 100 && both.body.hasPrefix("HTTP/1.1 200 OK"), "\(both)")
        }
    }

    @Test func whoHasSaidAllGetsAnAnswer() async throws {
        let scene = try Scene()
        try await scene.serving { client in
            let socket = try client.connect()
            defer { close(socket) }
            let text = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
            #expect(write(socket, text, text.utf8.count) == text.utf8.count)
            shutdown(socket, Int32(SHUT_WR))
            var (all, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
            while case let count = read(socket, &buffer, buffer.count), count > 0 { all += buffer[..<count] }
            #expect(String(decoding: all, as: UTF8.self).hasPrefix("HTTP/1.1 200 OK"))
            #expect(read(socket, &buffer, 1) == 0, "the server ends the connection, too")
        }
    }

    @Test func whoTakesNothingIsGivenUp() async throws {
        // The end of such a socket is told before all that was sent is read.
        let path = NSTemporaryDirectory() + "/spd-\(UUID().uuidString.prefix(8)).sock"
        defer { unlink(path) }
        let large = Data(count: 8 << 20)
        let server = try DashboardServer.start(at: .socket(path), gate: Gate(), patience: .milliseconds(300)) { _ in
            Reply(type: "text/plain", body: large)
        }
        defer { server.stop() }
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0)
        let text = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        #expect(write(socket, text, text.utf8.count) == text.utf8.count)
        var one = pollfd(fd: socket, events: 0, revents: 0)
        #expect(poll(&one, 1, 20_000) == 1 && one.revents & Int16(POLLHUP) != 0)
    }

    @Test func moreConnectionsThanThereMayBeEndThoseThatIdle() async throws {
        let scene = try Scene()
        try await scene.serving { client in
            let idle = try (0..<300).map { _ in try client.connect() }
            defer { idle.forEach { close($0) } }
            #expect(try client.ask("/api/jobs").status == 200)
            var byte: UInt8 = 0
            #expect(read(idle[0], &byte, 1) == 0, "the one that has waited longest")
        }
    }

    @Test func aHeadThatGoesOnIsRefusedAtOnce() async throws {
        let scene = try Scene()
        try await scene.serving { client in
            // Those of a proxy with many cookies are no trouble.
            #expect(
                try client.ask("/api/jobs", headers: ["Cookie": String(repeating: "x", count: 16_000)]).status == 200)
            let start = ContinuousClock.now
            let long = try client.ask("/api/jobs", headers: ["Cookie": String(repeating: "x", count: 4 << 20)])
            #expect(long.status == 431)
            #expect(ContinuousClock.now - start < .seconds(10))
            #expect(try client.ask("/api/jobs").status == 200)
        }
    }

    @Test func oneConnectionTakesManyRequests() async throws {
        let scene = try Scene()
        try await scene.serving { client in
            let head = "Host: localhost\r\nAuthorization: Bearer \(client.token)\r\n"
            let answer = try client.send(
                "GET /api/jobs HTTP/1.1\r\n\(head)\r\n"
                    + "POST /api/curves HTTP/1.1\r\n\(head)Content-Length: 30\r\n\r\n{\"runs\":[],\"metric\":\"loss\"}  \n"
                    + "HEAD / HTTP/1.1\r\n\(head)Connection: close\r\n\r\n")
            #expect(answer.status == 200)
            let all = answer.head + answer.body
            #expect(all.components(separatedBy: "HTTP/1.1 200 OK").count == 4, "\(all)")
            #expect(all.hasSuffix("\r\n\r\n") && !all.contains("<!doctype"), "a head alone")
        }
    }

    @Test func nothingIsWrittenAndAFolderThatMayOnlyBeReadWillDo() async throws {
        let scene = try Scene()
        let before = try FileManager.default.subpathsOfDirectory(atPath: scene.cache.path).sorted()
        let stamp = try FileManager.default.attributesOfItem(atPath: scene.cache.stateFile)[.modificationDate] as? Date
        try await scene.serving { client in
            for path in [
                "/api/jobs", "/api/jobs/1", "/api/jobs/1/runs", "/api/jobs/1/why", "/api/runs/\(scene.runs[0])/figures",
            ] {
                let answer = try client.ask(path)
                #expect(answer.status == 200, "\(path)")
            }
        }
        #expect(try FileManager.default.subpathsOfDirectory(atPath: scene.cache.path).sorted() == before)
        #expect(
            try FileManager.default.attributesOfItem(atPath: scene.cache.stateFile)[.modificationDate] as? Date == stamp
        )
    }

    @Test func anEmptyFolderHasNoJobs() async throws {
        let cache = CacheFolder(path: NSTemporaryDirectory() + "/spd-none-" + UUID().uuidString)
        let site = try Site(cache: cache, environment: [:])
        defer { site.removeScratch() }
        let routes = Routes(site)
        let reply = await routes.answer(Ask(method: "GET", path: ["api", "jobs"]))
        #expect(reply.status == 200 && String(decoding: reply.body, as: UTF8.self).contains("\"jobs\":[]"))
        #expect(!FileManager.default.fileExists(atPath: cache.path))
    }

    @Test func aSocketIsItsOwnersAlone() async throws {
        let path = NSTemporaryDirectory() + "/spd-\(UUID().uuidString.prefix(8)).sock"
        defer { unlink(path) }
        let server = try DashboardServer.start(at: .socket(path), gate: Gate()) { _ in .text("x") }
        var info = stat()
        #expect(lstat(path, &info) == 0 && info.st_mode & 0o777 == 0o600)
        #expect(throws: Failure.self, "somebody listens there") {
            try DashboardServer.start(at: .socket(path), gate: Gate()) { _ in .text("x") }
        }
        server.stop()
        try await server.wait()
        let next = try DashboardServer.start(at: .socket(path), gate: Gate()) { _ in .text("x") }
        next.stop()
    }

    @Test func aPortThatIsTakenIsTold() async throws {
        let first = try DashboardServer.start(at: .port(0), gate: Gate()) { _ in .text("x") }
        defer { first.stop() }
        let port = try #require(first.port)
        let failure = #expect(throws: Failure.self) {
            try DashboardServer.start(at: .port(port), gate: Gate()) { _ in .text("x") }
        }
        #expect(failure?.message.contains("Address already in use; --port 0") == true, "\(failure?.message ?? "")")
    }

    @Test func logsAreReadFromAPlace() async throws {
        let scene = try Scene()
        let folder = scene.cache.folder(of: scene.runs[0])
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        try Data("one\ntwö".utf8.dropLast()).write(to: URL(filePath: folder.log))
        try await scene.serving { client in
            let path = "/api/runs/\(scene.runs[0])/log"
            let first = try client.ask(path).body
            #expect(first == #"{"from":0,"is_over":false,"next":6,"size":7,"text":"one\ntw"}"#, "half a letter waits")
            try Data("one\ntwö\n".utf8).write(to: URL(filePath: folder.log))
            #expect(try client.ask(path + "?from=6").body.contains(#""text":"ö\n""#))
            #expect(try client.ask(path + "?from=99999").body.contains(#""from":0"#), "a file that was cut short")
        }
    }
}
