import Artifacts
import CLinux
import Foundation

/// Copies of files, which the file system makes where it can.
package enum FileCopy {
    /// Copies a file, or clones it, and brings it to the disk.
    ///
    /// - Parameters:
    ///   - source: The file.
    ///   - destination: Where nothing is yet.
    ///   - mode: The copy's permissions.
    /// - Throws: ``Failure``, also for ^C in the midst of it; what there is of the copy is the caller's to remove.
    package static func make(of source: String, at destination: String, mode: UInt32) throws(Failure) {
        let from = open(source, O_RDONLY | O_CLOEXEC)
        guard from >= 0 else { throw .failed("\(FileError(.read, source))") }
        defer { close(from) }
        let to = open(destination, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard to >= 0 else { throw Failure(unwritable: FileError(.create, destination)) }
        defer { close(to) }
        // Where the file system can, it keeps the bytes once for both.
        if ioctl(to, UInt(SPD_FICLONE), from) != 0 { try fill(to, destination, from: from, source) }
        try storing { () throws(FileError) in try DurableFile.flush(to, destination) }
    }

    private static func fill(
        _ to: Int32, _ destination: String, from: Int32, _ source: String
    ) throws(Failure) {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            try Interruption.check()
            let count = uninterrupted { read(from, &buffer, buffer.count) }
            guard count >= 0 else { throw .failed("\(FileError(.read, source))") }
            if count == 0 { return }
            try storing { () throws(FileError) in try DurableFile.writeAll(buffer[..<count], to: to, destination) }
        }
    }
}
