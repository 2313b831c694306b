/// Unicode's general categories as sets, one bit each.
struct Categories: OptionSet, Sendable {
    let rawValue: UInt32

    static let uppercase = Categories(.uppercaseLetter)
    static let lowercase = Categories(.lowercaseLetter)
    static let titlecase = Categories(.titlecaseLetter)
    static let modifierLetter = Categories(.modifierLetter)
    static let otherLetter = Categories(.otherLetter)
    static let letters: Categories = [.uppercase, .lowercase, .titlecase, .modifierLetter, .otherLetter]
    static let nonspacingMark = Categories(.nonspacingMark)
    static let spacingMark = Categories(.spacingMark)
    static let enclosingMark = Categories(.enclosingMark)
    static let marks: Categories = [.nonspacingMark, .spacingMark, .enclosingMark]
    static let decimal = Categories(.decimalNumber)
    static let letterNumber = Categories(.letterNumber)
    static let otherNumber = Categories(.otherNumber)
    static let numbers: Categories = [.decimal, .letterNumber, .otherNumber]
    static let connector = Categories(.connectorPunctuation)
    static let dash = Categories(.dashPunctuation)
    static let open = Categories(.openPunctuation)
    static let close = Categories(.closePunctuation)
    static let initial = Categories(.initialPunctuation)
    static let final = Categories(.finalPunctuation)
    static let otherPunctuation = Categories(.otherPunctuation)
    static let punctuation: Categories = [.connector, .dash, .open, .close, .initial, .final, .otherPunctuation]
    static let math = Categories(.mathSymbol)
    static let currency = Categories(.currencySymbol)
    static let modifierSymbol = Categories(.modifierSymbol)
    static let otherSymbol = Categories(.otherSymbol)
    static let symbols: Categories = [.math, .currency, .modifierSymbol, .otherSymbol]
    static let space = Categories(.spaceSeparator)
    static let line = Categories(.lineSeparator)
    static let paragraph = Categories(.paragraphSeparator)
    static let separators: Categories = [.space, .line, .paragraph]
    static let control = Categories(.control)
    static let format = Categories(.format)
    static let privateUse = Categories(.privateUse)
    static let unassigned = Categories(.unassigned)
    static let surrogate = Categories(.surrogate)
    static let others: Categories = [.control, .format, .privateUse, .unassigned, .surrogate]

    init(rawValue: UInt32) { self.rawValue = rawValue }

    init(_ category: Unicode.GeneralCategory) { self.init(rawValue: 1 << Self.bit(category)) }

    /// The categories of a scalar: always one.
    @inline(__always)
    init(of scalar: UInt32) {
        self.init(rawValue: 1 << (scalar < 0x10000 ? Self.basicPlane[Int(scalar)] : Self.lookUp(scalar)))
    }

    /// The basic plane's categories, looked up once.
    private static let basicPlane: [UInt8] = (0..<0x10000).map(lookUp)

    private static func lookUp(_ scalar: UInt32) -> UInt8 {
        Unicode.Scalar(scalar).map { bit($0.properties.generalCategory) } ?? bit(.surrogate)
    }

    private static func bit(_ category: Unicode.GeneralCategory) -> UInt8 {
        switch category {
        case .uppercaseLetter: 0
        case .lowercaseLetter: 1
        case .titlecaseLetter: 2
        case .modifierLetter: 3
        case .otherLetter: 4
        case .nonspacingMark: 5
        case .spacingMark: 6
        case .enclosingMark: 7
        case .decimalNumber: 8
        case .letterNumber: 9
        case .otherNumber: 10
        case .connectorPunctuation: 11
        case .dashPunctuation: 12
        case .openPunctuation: 13
        case .closePunctuation: 14
        case .initialPunctuation: 15
        case .finalPunctuation: 16
        case .otherPunctuation: 17
        case .mathSymbol: 18
        case .currencySymbol: 19
        case .modifierSymbol: 20
        case .otherSymbol: 21
        case .spaceSeparator: 22
        case .lineSeparator: 23
        case .paragraphSeparator: 24
        case .control: 25
        case .format: 26
        case .surrogate: 27
        case .privateUse: 28
        case .unassigned: 29
        @unknown default: 29
        }
    }
}
