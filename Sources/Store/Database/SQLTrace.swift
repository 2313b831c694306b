import Artifacts
import Foundation
import GRDB

/// Shows the state file's SQL on standard error if `SPD_TRACE_SQL` is set.
enum SQLTrace {
    /// What every connection to the state file begins with.
    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "state"
        guard ProcessInfo.processInfo.environment["SPD_TRACE_SQL"] != nil else { return configuration }
        configuration.publicStatementArguments = true
        configuration.prepareDatabase { db in
            db.trace(options: .profile) { StandardStreams.writeError("sql: \($0)\n") }
        }
        return configuration
    }
}
