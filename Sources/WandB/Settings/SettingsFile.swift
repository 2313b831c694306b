import Foundation
import Glibc

/// A small text file that a user or another program may have left: read as text, absent, or skipped.
enum SettingsFile: Equatable {
    case text(String)
    case absent
    /// There is something, but nothing to read settings from; the reason is for the user.
    case passedOver(reason: String)

    private static let limit = 1 << 20
    /// How long the program at the other end of a named pipe may take.
    private static let pipePatience = Duration.seconds(2)

    static func read(_ path: String) -> SettingsFile {
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT || errno == ENOTDIR else {
                return .passedOver(reason: String(cString: strerror(errno)))
            }
            var link = stat()
            return lstat(path, &link) == 0 ? .passedOver(reason: "it is a dangling link") : .absent
        }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else {
            return .passedOver(reason: String(cString: strerror(errno)))
        }
        switch information.st_mode & S_IFMT {
        case S_IFREG: return content(of: descriptor, isPipe: false)
        case S_IFIFO: return content(of: descriptor, isPipe: true)
        case S_IFDIR: return .passedOver(reason: "it is a folder")
        default: return .passedOver(reason: "it is not a file")
        }
    }

    private static func content(of descriptor: Int32, isPipe: Bool) -> SettingsFile {
        let end = ContinuousClock.now + pipePatience
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= limit {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count > 0 {
                bytes += buffer[..<count]
            } else if count == 0, !isPipe || !bytes.isEmpty {
                return .text(text(of: bytes))
            } else if count == 0 || errno == EAGAIN {
                // The program that fills a pipe may not have started writing.
                guard .now < end else { return .passedOver(reason: "it is a pipe without a writer") }
                usleep(10_000)
            } else if errno != EINTR {
                return .passedOver(reason: String(cString: strerror(errno)))
            }
        }
        return .passedOver(reason: "it has more than \(limit >> 20) MiB")
    }

    /// What editors of all systems write: UTF-8, or UTF-16 with its mark; lines end in LF afterwards.
    static func text(of bytes: [UInt8]) -> String {
        let text =
            switch (bytes.first, bytes.dropFirst().first) {
            case (0xFF, 0xFE): utf16(bytes) { UInt16($0) | UInt16($1) << 8 }
            case (0xFE, 0xFF): utf16(bytes) { UInt16($0) << 8 | UInt16($1) }
            default: String(decoding: bytes, as: UTF8.self)
            }
        var scalars = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            switch (previous, scalar) {
            case (nil, "\u{FEFF}"), ("\r", "\n"): break
            case (_, "\r"): scalars.append("\n")
            default: scalars.append(scalar)
            }
            previous = scalar
        }
        return String(scalars)
    }

    private static func utf16(_ bytes: [UInt8], unit: (UInt8, UInt8) -> UInt16) -> String {
        let units = stride(from: 2, to: bytes.count - 1, by: 2).map { unit(bytes[$0], bytes[$0 + 1]) }
        return String(decoding: units, as: UTF16.self)
    }
}
