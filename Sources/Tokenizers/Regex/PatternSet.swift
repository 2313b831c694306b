/// The characters that one place of a pattern accepts.
struct PatternSet: Sendable {
    /// Classes that are more than categories.
    enum Property: Sendable { case whitespace, word, alphabetic, han, any, wordOrSmallNumber }

    var ranges: [ClosedRange<UInt32>] = []
    var categories: Categories = []
    var properties: [(property: Property, isNegated: Bool)] = []
    /// Sets within the set.
    var nested: [PatternSet] = []
    /// Sets that a character must be in as well (`&&`).
    var intersections: [PatternSet] = []
    var isNegated = false
    var ignoresCase = false
    init() {}

    init(_ scalar: UInt32) { ranges = [scalar...scalar] }

    init(_ property: Property, isNegated: Bool = false) { properties = [(property, isNegated)] }

    init(_ categories: Categories) { self.categories = categories }

    /// Looks a character up in all of the set's parts.
    func contains(_ scalar: UInt32) -> Bool {
        let isIn = ignoresCase ? Self.caseForms(of: scalar).contains(where: { includes($0) }) : includes(scalar)
        return isIn && intersections.allSatisfy { $0.contains(scalar) } ? !isNegated : isNegated
    }

    private func includes(_ scalar: UInt32) -> Bool {
        for range in ranges where range.contains(scalar) { return true }
        if categories.rawValue != 0, !CharacterClass.patternCategory(of: scalar).isDisjoint(with: categories) {
            return true
        }
        for (property, isNegated) in properties where Self.has(property, scalar) != isNegated { return true }
        for set in nested where set.contains(scalar) { return true }
        return false
    }

    private static func has(_ property: Property, _ scalar: UInt32) -> Bool {
        switch property {
        case .whitespace: CharacterClass.isWhitespace(scalar)
        case .word: scalar != 0x200C && scalar != 0x200D && CharacterClass.isWord(scalar)
        case .wordOrSmallNumber: CharacterClass.isPatternWord(scalar)
        case .alphabetic: CharacterClass.isAlphabetic(scalar)
        case .han: han.contains { $0.contains(scalar) }
        case .any: true
        }
    }

    /// The characters that a character stands for where case does not matter: itself, its cases, and theirs.
    private static func caseForms(of scalar: UInt32) -> [UInt32] {
        guard let value = Unicode.Scalar(scalar) else { return [scalar] }
        var forms = [scalar]
        func add(_ mapping: String) -> Unicode.Scalar? {
            guard let form = mapping.unicodeScalars.first, mapping.unicodeScalars.count == 1 else { return nil }
            if !forms.contains(form.value) { forms.append(form.value) }
            return form
        }
        if let lower = add(value.properties.lowercaseMapping) { _ = add(lower.properties.uppercaseMapping) }
        if let upper = add(value.properties.uppercaseMapping) { _ = add(upper.properties.lowercaseMapping) }
        // ſ and the Kelvin sign are cases of s and k, but no case of s or k is one of them.
        if scalar == 0x73 || scalar == 0x53 { forms.append(0x17F) }
        if scalar == 0x6B || scalar == 0x4B { forms.append(0x212A) }
        return forms
    }

    private static let han: [ClosedRange<UInt32>] = [
        0x2E80...0x2E99, 0x2E9B...0x2EF3, 0x2F00...0x2FD5, 0x3005...0x3005, 0x3007...0x3007, 0x3021...0x3029,
        0x3038...0x303B, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFA6D, 0xFA70...0xFAD9, 0x16FE2...0x16FE3,
        0x16FF0...0x16FF1, 0x20000...0x2A6DF, 0x2A700...0x2B739, 0x2B740...0x2B81D, 0x2B820...0x2CEA1,
        0x2CEB0...0x2EBE0, 0x2EBF0...0x2EE5D, 0x2F800...0x2FA1D, 0x30000...0x3134A, 0x31350...0x323AF,
    ]
}

/// A set's answers for ASCII: covers most queries without searching the set.
struct ASCIIAnswers: Sendable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    init(_ set: PatternSet) {
        for scalar in UInt32(0)..<64 where set.contains(scalar) { low |= 1 << UInt64(scalar) }
        for scalar in UInt32(64)..<128 where set.contains(scalar) { high |= 1 << UInt64(scalar - 64) }
    }

    /// Whether an ASCII character is in the set.
    @inline(__always)
    func contains(_ byte: UInt32) -> Bool {
        byte < 64 ? low >> UInt64(byte) & 1 == 1 : high >> UInt64(byte & 63) & 1 == 1
    }
}
