import Foundation

/// A GraphQL operation as far as W&B's own clients use the language: arguments, aliases, fragments, `@include`.
struct GraphQLQuery {
    /// An object whose fields may take arguments.
    typealias Fields = [String: ([String: Any]) -> Any?]

    struct Malformed: Error {}

    private indirect enum Selection {
        case field(name: String, alias: String, arguments: [String: Value], isIncluded: Value?, [Selection])
        case fragment(String)
        case inline([Selection])
    }

    private indirect enum Value {
        case variable(String)
        case constant(Any)
        case list([Value])
        case object([String: Value])
    }

    private var fragments: [String: [Selection]] = [:]
    private var operation: [Selection] = []
    private var defaults: [String: Any] = [:]
    private var tokens: [Substring]
    private var position = 0
    private let variables: [String: Any]

    init(_ text: String, variables: [String: Any]) throws {
        self.variables = variables
        tokens = []
        let lexeme = /#[^\n]*|"(?:[^"\\]|\\.)*"|\.\.\.|-?[0-9][0-9.eE+-]*|[A-Za-z_]\w*|[{}()\[\]:!=@$]/
        tokens = text.matches(of: lexeme).map(\.output).filter { !$0.hasPrefix("#") }
        while position < tokens.count {
            switch try take() {
            case "fragment":
                let name = String(try take())
                try expect("on")
                _ = try take()
                fragments[name] = try selections()
            case "query", "mutation":
                if peek != "(", peek != "{" { _ = try take() }
                if peek == "(" { try declarations() }
                operation = try selections()
            case "{":
                position -= 1
                operation = try selections()
            default: throw Malformed()
            }
        }
    }

    /// What the operation selects of an object.
    func result(of root: Fields) -> [String: Any] { resolve(operation, root) }

    private func resolve(_ selections: [Selection], _ fields: Fields) -> [String: Any] {
        var result: [String: Any] = [:]
        for selection in selections {
            switch selection {
            case .fragment(let name): result.merge(resolve(fragments[name] ?? [], fields)) { $1 }
            case .inline(let inner): result.merge(resolve(inner, fields)) { $1 }
            case .field(let name, let alias, let arguments, let isIncluded, let inner):
                if let isIncluded, evaluate(isIncluded) as? Bool != true { continue }
                let value = fields[name]?(arguments.mapValues { evaluate($0) }) ?? NSNull()
                result[alias] = complete(value, inner)
            }
        }
        return result
    }

    private func complete(_ value: Any, _ inner: [Selection]) -> Any {
        switch value {
        case let fields as Fields: resolve(inner, fields)
        case let list as [Fields]: list.map { resolve(inner, $0) }
        default: value
        }
    }

    private func evaluate(_ value: Value) -> Any {
        switch value {
        case .variable(let name): variables[name] ?? defaults[name] ?? NSNull()
        case .constant(let constant): constant
        case .list(let values): values.map { evaluate($0) }
        case .object(let members): members.mapValues { evaluate($0) }
        }
    }

    // MARK: - Parsing

    private var peek: Substring { position < tokens.count ? tokens[position] : "" }

    private mutating func take() throws -> Substring {
        guard position < tokens.count else { throw Malformed() }
        position += 1
        return tokens[position - 1]
    }

    private mutating func expect(_ token: Substring) throws {
        guard try take() == token else { throw Malformed() }
    }

    /// `($name: Type = default …)`; the types are not looked at.
    private mutating func declarations() throws {
        try expect("(")
        while peek != ")" {
            try expect("$")
            let name = String(try take())
            try expect(":")
            while ["[", "]", "!"].contains(peek) || peek.first?.isLetter == true { _ = try take() }
            guard peek == "=" else { continue }
            _ = try take()
            defaults[name] = evaluate(try value())
        }
        try expect(")")
    }

    private mutating func selections() throws -> [Selection] {
        try expect("{")
        var all: [Selection] = []
        while peek != "}" { all.append(try selection()) }
        try expect("}")
        return all
    }

    private mutating func selection() throws -> Selection {
        var name = String(try take())
        if name == "..." {
            if peek == "on" {
                _ = try take()
                _ = try take()
                return .inline(try selections())
            }
            return .fragment(String(try take()))
        }
        let alias = name
        if peek == ":" {
            _ = try take()
            name = String(try take())
        }
        let arguments = try peek == "(" ? members(from: "(", to: ")") : [:]
        var isIncluded: Value?
        if peek == "@" {
            _ = try take()
            try expect("include")
            isIncluded = try members(from: "(", to: ")")["if"]
        }
        return .field(
            name: name, alias: alias, arguments: arguments, isIncluded: isIncluded,
            try peek == "{" ? selections() : [])
    }

    private mutating func members(from open: Substring, to close: Substring) throws -> [String: Value] {
        try expect(open)
        var all: [String: Value] = [:]
        while peek != close {
            let name = String(try take())
            try expect(":")
            all[name] = try value()
        }
        try expect(close)
        return all
    }

    private mutating func value() throws -> Value {
        switch peek {
        case "$":
            _ = try take()
            return .variable(String(try take()))
        case "{": return .object(try members(from: "{", to: "}"))
        case "[":
            _ = try take()
            var all: [Value] = []
            while peek != "]" { all.append(try value()) }
            _ = try take()
            return .list(all)
        default:
            let token = try take()
            if token.first?.isLetter == true, !["true", "false", "null"].contains(token) {
                return .constant(String(token))
            }
            return .constant(try JSONSerialization.jsonObject(with: Data(token.utf8), options: .fragmentsAllowed))
        }
    }
}
