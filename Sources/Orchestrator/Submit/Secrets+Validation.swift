import ArgumentParser
import Foundation
import Orchestration

extension Secrets {
    /// Refuses an argument that is stored, or shown in a message, as it is, if it contains a key.
    ///
    /// - Parameters:
    ///   - text: The argument.
    ///   - what: What it is, for the message, which does not show it.
    ///   - isName: Whether nobody would call anything by 40 hexadecimal digits, so these are a key.
    /// - Throws: `ValidationError`, as parsers of arguments do.
    static func validate(_ text: String, as what: String, isName: Bool = false) throws {
        do throws(Failure) {
            try Secrets(ProcessInfo.processInfo.environment).refuse(text, as: what, isName: isName)
        } catch {
            throw ValidationError(error.message)
        }
    }
}
