/// The doctor's other processes: this program again, with an internal command.
package enum Probe {
    /// The command.
    package static let command = "doctor-probe"

    /// What a second process has seen of a lock and of the file next to it.
    package struct Sight: Codable {
        package let locks: LockReport
        package let text: String

        package init(locks: LockReport, text: String) {
            self.locks = locks
            self.text = text
        }
    }
}
