/// What makes text of tokens.
indirect enum Decoder: Sendable {
    case sequence([Decoder])
    case byteLevel
    case wordPiece(prefix: [UInt8], cleansUp: Bool)
    case metaspace(Metaspace)
    case replace(TextPattern, [UInt8])
    case byteFallback
    case fuse
    case strip(UInt32, start: Int, stop: Int)
    case bpe(suffix: [UInt8])

    func apply(to tokens: [[UInt8]]) throws(TokenizerError) -> [[UInt8]] {
        switch self {
        case .sequence(let parts):
            var tokens = tokens
            for part in parts { tokens = try part.apply(to: tokens) }
            return tokens
        case .byteLevel: return [Self.bytes(of: tokens)]
        case .wordPiece(let prefix, let cleansUp):
            return tokens.enumerated().map { index, token in
                var text = token
                if index > 0 {
                    text = token.starts(with: prefix) ? Array(token.dropFirst(prefix.count)) : [0x20] + token
                }
                return cleansUp ? Self.cleanUp(text) : text
            }
        case .metaspace(let metaspace):
            return tokens.enumerated().map { Self.spaces(in: $1, metaspace, isFirst: $0 == 0) }
        case .replace(let pattern, let content):
            var result: [[UInt8]] = []
            for token in tokens { result.append(try Self.replace(pattern, in: token, by: content)) }
            return result
        case .byteFallback: return Self.joinBytes(tokens)
        case .fuse: return [Array(tokens.joined())]
        case .strip(let scalar, let start, let stop): return tokens.map { Self.strip(scalar, start, stop, $0) }
        case .bpe(let suffix):
            return tokens.enumerated().map { index, token in
                token.replacing(suffix, with: index == tokens.count - 1 ? [] : [0x20])
            }
        }
    }

    private static func scalars(of token: [UInt8]) -> [UInt32] {
        token.withUnsafeBufferPointer { $0.scalars(in: 0..<$0.count) }
    }

    private static func bytes(of tokens: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = []
        for token in tokens {
            let known = scalars(of: token).map(ByteLevelAlphabet.byte)
            // A token with letters of no byte is text already.
            bytes += known.contains(nil) ? token : known.compactMap { $0 }
        }
        return Array(String(decoding: bytes, as: UTF8.self).utf8)
    }

    private static func cleanUp(_ token: [UInt8]) -> [UInt8] {
        let pairs: [(StaticString, StaticString)] = [
            (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
            (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
        ]
        guard token.contains(0x20) else { return token }
        var text = token
        for (old, new) in pairs { text = text.replacing(Array("\(old)".utf8), with: Array("\(new)".utf8)) }
        return text
    }

    private static func spaces(in token: [UInt8], _ metaspace: Metaspace, isFirst: Bool) -> [UInt8] {
        var text: [UInt8] = []
        for scalar in scalars(of: token) {
            if scalar != metaspace.replacement.value {
                text.append(scalar: scalar)
            } else if !isFirst || metaspace.scheme == .never {
                text.append(0x20)
            }
        }
        return text
    }

    private static func replace(
        _ pattern: TextPattern, in token: [UInt8], by content: [UInt8]
    ) throws(TokenizerError) -> [UInt8] {
        var result: [UInt8] = []
        var copied = 0
        var matcher = PatternMatcher()
        let outcome: Result<Void, TokenizerError> = token.withUnsafeBufferPointer { text in
            do throws(TokenizerError) {
                guard !text.isEmpty else { return .success(()) }
                try pattern.forEachMatch(in: text, &matcher) { match in
                    result += text[copied..<match.lowerBound]
                    result += content
                    copied = match.upperBound
                }
                return .success(())
            } catch { return .failure(error) }
        }
        try outcome.get()
        return result + token[copied...]
    }

    /// Tokens of single bytes, in a row, are the text that the bytes make, or a sign for each where they make none.
    private static func joinBytes(_ tokens: [[UInt8]]) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var bytes: [UInt8] = []
        func flush() {
            guard !bytes.isEmpty else { return }
            if let text = String(validating: bytes, as: UTF8.self) {
                result.append(Array(text.utf8))
            } else {
                result += [[UInt8]](repeating: Array("\u{FFFD}".utf8), count: bytes.count)
            }
            bytes.removeAll()
        }
        for token in tokens {
            if let byte = byte(of: token) {
                bytes.append(byte)
            } else {
                flush()
                result.append(token)
            }
        }
        flush()
        return result
    }

    private static func byte(of token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
    }

    private static func strip(_ scalar: UInt32, _ start: Int, _ stop: Int, _ token: [UInt8]) -> [UInt8] {
        let scalars = scalars(of: token)
        let front = scalars.prefix(start).prefix { $0 == scalar }.count
        let back = scalars.suffix(min(stop, scalars.count)).reversed().prefix { $0 == scalar }.count
        var text: [UInt8] = []
        for scalar in scalars.dropFirst(front).dropLast(back) { text.append(scalar: scalar) }
        return text
    }
}

extension [UInt8] {
    /// The bytes with every occurrence of some of them replaced.
    fileprivate func replacing(_ old: [UInt8], with new: [UInt8]) -> [UInt8] {
        guard let first = old.first else { return self }
        var result: [UInt8] = []
        var index = 0
        while index < count {
            if self[index] == first, self[index...].starts(with: old) {
                result += new
                index += old.count
            } else {
                result.append(self[index])
                index += 1
            }
        }
        return result
    }
}
