package import Foundation
import JSON
import Orchestration
import Store

/// What the server answers.
package struct Reply: Sendable {
    package let status: Int
    package let type: String
    package let body: Data
    /// Whether a browser may keep it while the program runs.
    package var mayBeKept = false

    package init(status: Int = 200, type: String, body: Data) {
        self.status = status
        self.type = type
        self.body = body
    }

    /// JSON text.
    static func json(_ text: String, status: Int = 200) -> Reply {
        Reply(status: status, type: "application/json; charset=utf-8", body: Data(text.utf8))
    }

    /// A value as every `--json` prints it.
    static func json(_ value: some Encodable) throws -> Reply { json(try JSONText.line(value)) }

    /// Plain text.
    static func text(_ text: String, status: Int = 200) -> Reply {
        Reply(status: status, type: "text/plain; charset=utf-8", body: Data(text.utf8))
    }

    /// Says what is wrong, as `--json` does.
    static func failure(_ status: Int, _ message: String) -> Reply {
        let text = JSONValue.object([.init("error", .string(message))]).text
        return json(text, status: status)
    }

    /// What a failure means to the caller.
    static func failure(_ error: any Error) -> Reply {
        let failure = Failure(error)
        return .failure(failure.exitCode == Failure.badInput ? 404 : 500, failure.message)
    }

    /// The header of every answer.
    ///
    /// Scripts and styles are the program's own files and nothing else; nobody frames the page, reads its answers from
    /// another site, or learns where it was.
    package static let guards: [(name: String, value: String)] = [
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Resource-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
    ]
}
