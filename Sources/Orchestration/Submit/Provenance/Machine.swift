import Artifacts
import CLinux
import Foundation

/// What this machine is, as far as it matters to a run's numbers and speed.
package struct Machine: Encodable {
    package let host: String
    /// The kernel's name and release.
    package let kernel: String
    /// The C library's version.
    package let glibc: String
    /// The processor's own name for itself.
    package let cpu: String
    /// Cores that this process may use.
    package let cores: Int

    package static var this: Machine {
        var names = utsname()
        uname(&names)
        return Machine(
            host: ThisMachine.hostName, kernel: "\(text(names.sysname)) \(text(names.release))",
            glibc: String(cString: gnu_get_libc_version()), cpu: ThisMachine.processor ?? "unknown",
            cores: LocalAgents.cores)
    }

    private static func text<T>(_ characters: T) -> String {
        withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
