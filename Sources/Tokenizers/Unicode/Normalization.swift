import Foundation

/// A scalar of a transformed text: `change` is 0 if it takes the place of one of the old text, 1 where it is new,
/// and -n where n scalars behind the one it replaces are gone.
struct Transformed {
    var scalar: UInt32
    var change: Int
}

/// Unicode's four normalization forms, with the data that the reference library has: of Unicode 9.
enum NormalizationForm: Sendable {
    case nfc, nfd, nfkc, nfkd

    /// Appends a piece in this form.
    ///
    /// Only what follows a scalar that surely stays, up to the next such one, needs to be considered together.
    func apply(_ source: AlignedText, _ piece: Piece, _ target: inout AlignedText) {
        source.withText { text in
            let end = piece.range.upperBound
            var copied = piece.range.lowerBound
            var lastKept = copied
            var index = copied
            while index < end {
                let (scalar, length) = text.scalar(at: index)
                if keeps(scalar) {
                    lastKept = index
                    index += length
                    continue
                }
                index += length
                while index < end, case let (next, length) = text.scalar(at: index), !keeps(next) { index += length }
                target.append(copied..<lastKept, of: source)
                let part = Piece(range: lastKept..<index, origin: piece.origin)
                target.append(transform(text.scalars(in: part.range)), for: part, of: source)
                (copied, lastKept) = (index, index)
            }
            target.append(copied..<end, of: source)
        }
    }

    /// Whether a scalar surely stays as it is and joins nothing before it: most of what texts are made of.
    @inline(__always)
    private func keeps(_ scalar: UInt32) -> Bool {
        switch self {
        case .nfc: scalar < 0x300 || (0x2002...0x20CF).contains(scalar) || (0x4E00...0x9FFF).contains(scalar)
        case .nfd: scalar < 0xC0 || (0x2002...0x20CF).contains(scalar) || (0x4E00...0x9FFF).contains(scalar)
        case .nfkc, .nfkd: scalar < 0xA0
        }
    }

    /// The normalised scalars, aligned with the given ones.
    private func transform(_ scalars: [UInt32]) -> [Transformed] {
        let decomposed = decompose(scalars)
        return self == .nfc || self == .nfkc ? Self.compose(decomposed) : decomposed
    }

    private func decompose(_ scalars: [UInt32]) -> [Transformed] {
        var result: [Transformed] = []
        result.reserveCapacity(scalars.count)
        var classes: [UInt8] = []
        var pending = 0
        func sortPending() {
            guard result.count - pending > 1 else { return }
            let order = (pending..<result.count).sorted { (classes[$0], $0) < (classes[$1], $1) }
            let sorted = order.map { (result[$0], classes[$0]) }
            for (offset, (element, itsClass)) in sorted.enumerated() {
                result[pending + offset] = element
                classes[pending + offset] = itsClass
            }
        }
        for scalar in scalars {
            let parts =
                self == .nfd || self == .nfc
                ? UnicodeData.canonicalDecomposition(of: scalar) : UnicodeData.compatibilityDecomposition(of: scalar)
            for (index, part) in (parts ?? [scalar]).enumerated() {
                let itsClass = UnicodeData.combiningClass(of: part)
                if itsClass == 0 {
                    sortPending()
                    pending = result.count
                }
                result.append(Transformed(scalar: part, change: index == 0 ? 0 : 1))
                classes.append(itsClass)
            }
        }
        sortPending()
        return result
    }

    private static func compose(_ decomposed: [Transformed]) -> [Transformed] {
        var result: [Transformed] = []
        result.reserveCapacity(decomposed.count)
        var starter: Transformed?
        var waiting: [Transformed] = []
        var lastClass: UInt8?
        for next in decomposed {
            let itsClass = UnicodeData.combiningClass(of: next.scalar)
            guard let first = starter else {
                if itsClass == 0 { starter = next } else { result.append(next) }
                continue
            }
            let isBlocked = lastClass.map { $0 >= itsClass } ?? false
            if !isBlocked, let composed = UnicodeData.composition(of: first.scalar, next.scalar) {
                starter = Transformed(scalar: composed, change: first.change + next.change - 1)
            } else if itsClass == 0 {
                result.append(first)
                result.append(contentsOf: waiting)
                waiting.removeAll(keepingCapacity: true)
                starter = next
                lastClass = nil
            } else {
                waiting.append(next)
                lastClass = itsClass
            }
        }
        if let starter { result.append(starter) }
        result.append(contentsOf: waiting)
        return result
    }
}

/// What normalization needs to know of scalars.
enum UnicodeData {
    /// The version that the reference library's normalization follows: what came later is left alone.
    private static let version: Unicode.Version = (9, 0)

    static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
        guard let age = scalar.properties.age else { return false }
        return age.major <= version.major
    }

    static func combiningClass(of scalar: UInt32) -> UInt8 {
        guard scalar >= 0x300, let scalar = Unicode.Scalar(scalar) else { return 0 }
        let itsClass = UInt8(scalar.properties.canonicalCombiningClass.rawValue)
        return itsClass == 0 || isKnown(scalar) ? itsClass : 0
    }

    static func canonicalDecomposition(of scalar: UInt32) -> [UInt32]? {
        if scalar < 0xC0 { return nil }
        return hangulParts(of: scalar) ?? canonical[scalar]
    }

    static func compatibilityDecomposition(of scalar: UInt32) -> [UInt32]? {
        if scalar < 0xA0 { return nil }
        return hangulParts(of: scalar) ?? compatibility[scalar]
    }

    static func composition(of first: UInt32, _ second: UInt32) -> UInt32? {
        if first < 0x80, second < 0x300 { return nil }
        if (0x1100..<0x1113).contains(first), (0x1161..<0x1176).contains(second) {
            return 0xAC00 + ((first - 0x1100) * 21 + (second - 0x1161)) * 28
        }
        if (0xAC00..<0xD7A4).contains(first), (first - 0xAC00) % 28 == 0, (0x11A8..<0x11C3).contains(second) {
            return first + second - 0x11A7
        }
        return compositions[first, second]
    }

    private static func hangulParts(of scalar: UInt32) -> [UInt32]? {
        guard (0xAC00..<0xD7A4).contains(scalar) else { return nil }
        let index = scalar - 0xAC00
        let parts = [0x1100 + index / 588, 0x1161 + index % 588 / 28]
        return index % 28 == 0 ? parts : parts + [0x11A7 + index % 28]
    }

    /// Where the scalars are that have decompositions, Hangul syllables aside.
    private static let blocks: [ClosedRange<UInt32>] = [
        0xA0...0x33FF, 0xA69C...0xA69D, 0xA770...0xA770, 0xA7F8...0xA7F9, 0xAB5C...0xAB5F, 0xF900...0xFFFF,
        0x11000...0x119FF, 0x1D100...0x1D1FF, 0x1D400...0x1D7FF, 0x1EE00...0x1EEFF, 0x1F100...0x1F2FF,
        0x2F800...0x2FA1F,
    ]

    private static let canonical = table { $0.decomposedStringWithCanonicalMapping }
    private static let compatibility = table { $0.decomposedStringWithCompatibilityMapping }

    private static func table(_ decompose: (String) -> String) -> [UInt32: [UInt32]] {
        var table: [UInt32: [UInt32]] = [:]
        for value in blocks.joined() {
            guard let scalar = Unicode.Scalar(value), isKnown(scalar) else { continue }
            let parts = decompose(String(Character(scalar))).unicodeScalars.map(\.value)
            if parts != [value] { table[value] = parts }
        }
        return table
    }

    /// Pairs that compose: the platform's own composition of a decomposed scalar decides which.
    private static let compositions: PairTable<UInt32> = {
        var pairs = PairTable<UInt32>(capacity: 1024)
        for (value, parts) in canonical where parts.count > 1 {
            guard let scalar = Unicode.Scalar(value), let last = parts.last,
                String(Character(scalar)).precomposedStringWithCanonicalMapping.unicodeScalars.map(\.value) == [value]
            else { continue }
            // A scalar of three parts is composed of the first two and the third.
            let head = parts.dropLast()
            if let first = head.first, head.count == 1 {
                pairs[first, last] = value
            } else {
                let text = String(String.UnicodeScalarView(head.compactMap(Unicode.Scalar.init)))
                let composed = text.precomposedStringWithCanonicalMapping.unicodeScalars.map(\.value)
                if let first = composed.first, composed.count == 1 { pairs[first, last] = value }
            }
        }
        return pairs
    }()
}
