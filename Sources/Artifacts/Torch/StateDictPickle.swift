/// An interpreter of the pickles in state dicts: their instructions, their few Python objects, and nothing else.
///
/// Objects live in a table and refer to each other by index, so neither cycles nor deep nesting need recursion;
/// every instruction makes at most one, and their number is limited.
/// Format: <https://github.com/python/cpython/blob/main/Lib/pickletools.py>
struct StateDictPickle {
    enum Value {
        case none
        case bool(Bool)
        case integer(Int)
        case number(Double)
        case text(String)
        case global(Global)
        case object(Int)
    }

    /// What can hold other values or is made of them.
    struct Object {
        enum Kind {
            case tuple
            case list
            /// A dict or OrderedDict; its items are keys and values by turns.
            case mapping
            case storage(TorchStorage)
            case tensor(TorchTensor)
        }

        let kind: Kind
        var items: [Value] = []
    }

    /// The tensors of the dict that a pickle makes, by their keys.
    static func tensors(in bytes: ArraySlice<UInt8>) throws(TorchFile.Fault) -> [String: TorchTensor] {
        var pickle = StateDictPickle(bytes)
        try pickle.run()
        guard pickle.rest.isEmpty else { throw malformed }
        return try pickle.tensors(of: pickle.result)
    }

    /// Enough for more than ten thousand tensors.
    private static let mostInstructions = 1 << 20
    /// Names are compared whenever they are used, which must not take long.
    private static let longestText = 4096

    private var cursor: ByteCursor
    private(set) var objects: [Object] = []
    private var stack: [Value] = []
    /// The stack's heights at the open marks.
    private var marks: [Int] = []
    private var memo: [Int: Value] = [:]
    /// The storages that it names.
    private(set) var storages: [String: TorchStorageType] = [:]
    /// What was pickled, once it has run.
    private(set) var result = Value.none

    /// What comes after the pickle, once it has run.
    var rest: ArraySlice<UInt8> { cursor.rest }

    init(_ bytes: ArraySlice<UInt8>) {
        cursor = ByteCursor(bytes)
    }

    /// Runs to the end; what is then left is what was pickled.
    mutating func run() throws(TorchFile.Fault) {
        for _ in 0..<Self.mostInstructions {
            let instruction = try checked(cursor.number(UInt8.self))
            if instruction == UInt8(ascii: ".") {
                result = try pop()
                guard stack.isEmpty, marks.isEmpty else { throw Self.malformed }
                return
            }
            if try runSimple(instruction) { continue }
            if try runContainer(instruction) { continue }
            try runObject(instruction)
        }
        throw .unsuitable("its pickle has over \(Self.mostInstructions) instructions, more than state dicts have")
    }

    /// Scalars and the memo.
    private mutating func runSimple(_ instruction: UInt8) throws(TorchFile.Fault) -> Bool {
        switch Character(UnicodeScalar(instruction)) {
        case "\u{80}":
            let version = try checked(cursor.number(UInt8.self))
            guard 2...5 ~= version else { throw .damaged("its pickle has the protocol \(version), not 2 to 5") }
        case "\u{95}": _ = try checked(cursor.number(UInt64.self))  // a frame
        case "N": stack.append(.none)
        case "\u{88}": stack.append(.bool(true))
        case "\u{89}": stack.append(.bool(false))
        case "J": stack.append(.integer(Int(try checked(cursor.number(Int32.self)))))
        case "K": stack.append(.integer(Int(try checked(cursor.number(UInt8.self)))))
        case "M": stack.append(.integer(Int(try checked(cursor.number(UInt16.self)))))
        case "\u{8A}": stack.append(.integer(try longInteger()))
        case "G":
            let bits = UInt64(bigEndian: UInt64(littleEndian: try checked(cursor.number(UInt64.self))))
            stack.append(.number(Double(bitPattern: bits)))
        case "X": stack.append(.text(try text(try checked(cursor.size(UInt32.self)))))
        case "\u{8C}": stack.append(.text(try text(try checked(cursor.size(UInt8.self)))))
        case "\u{8D}": stack.append(.text(try text(try checked(cursor.size(UInt64.self)))))
        case "q": memo[try checked(cursor.size(UInt8.self))] = try top()
        case "r": memo[try checked(cursor.size(UInt32.self))] = try top()
        case "\u{94}": memo[memo.count] = try top()
        case "h": stack.append(try checked(memo[try checked(cursor.size(UInt8.self))]))
        case "j": stack.append(try checked(memo[try checked(cursor.size(UInt32.self))]))
        default: return false
        }
        return true
    }

    /// Tuples, lists and dicts.
    private mutating func runContainer(_ instruction: UInt8) throws(TorchFile.Fault) -> Bool {
        switch Character(UnicodeScalar(instruction)) {
        case "(": marks.append(stack.count)
        case ")": push(Object(kind: .tuple))
        case "]": push(Object(kind: .list))
        case "}": push(Object(kind: .mapping))
        case "t": push(Object(kind: .tuple, items: try popMark()))
        case "\u{85}": push(Object(kind: .tuple, items: try pop(count: 1)))
        case "\u{86}": push(Object(kind: .tuple, items: try pop(count: 2)))
        case "\u{87}": push(Object(kind: .tuple, items: try pop(count: 3)))
        case "a": try extendList(by: try pop(count: 1))
        case "e": try extendList(by: try popMark())
        case "s": try extendMapping(by: try pop(count: 2))
        case "u": try extendMapping(by: try popMark())
        default: return false
        }
        return true
    }

    /// What Python would make by calling something.
    private mutating func runObject(_ instruction: UInt8) throws(TorchFile.Fault) {
        switch Character(UnicodeScalar(instruction)) {
        case "c": stack.append(.global(try globalOfTwoLines()))
        case "i":
            _ = try globalOfTwoLines()  // INST, which is not how PyTorch makes anything
            throw Self.malformed
        case "\u{93}":
            guard case .text(let name) = try pop(), case .text(let module) = try pop() else { throw Self.malformed }
            stack.append(.global(try Global(module: module, name: name)))
        case "R":
            let arguments = try pop()
            guard case .global(let global) = try pop() else { throw Self.malformed }
            push(try call(global, try checked(tuple(arguments))))
        case "Q":
            let storage = try storage(try checked(tuple(try pop())))
            if let known = storages.updateValue(storage.type, forKey: storage.key), known != storage.type {
                throw .unsuitable("its storage \(readable(storage.key)) has two types; save it again in Python")
            }
            push(Object(kind: .storage(storage)))
        case "b":
            // A dict's attributes, of which state dicts have `_metadata`: versions of the modules' classes.
            _ = try pop()
            guard case .object(let index) = try top(), case .mapping = objects[index].kind else {
                throw Self.malformed
            }
        default:
            let hex = String(instruction, radix: 16)
            throw .unsuitable("its pickle has the instruction 0x\(hex), which no state dict needs; it was not executed")
        }
    }

    // MARK: Reading

    static let malformed = TorchFile.Fault.damaged("its pickle is malformed")

    private func checked<Result>(_ result: Result?) throws(TorchFile.Fault) -> Result {
        guard let result else { throw Self.malformed }
        return result
    }

    private mutating func text(_ length: Int) throws(TorchFile.Fault) -> String {
        guard length <= Self.longestText else {
            throw .unsuitable("its pickle has a text of \(length) bytes; names in state dicts are shorter")
        }
        return try checked(String(validating: try checked(cursor.take(length)), as: UTF8.self))
    }

    /// A little-endian two's complement of up to eight bytes.
    private mutating func longInteger() throws(TorchFile.Fault) -> Int {
        let bytes = try checked(cursor.take(try checked(cursor.size(UInt8.self))))
        guard bytes.count <= 8 else { throw Self.malformed }
        let isNegative = (bytes.last ?? 0) & 0x80 != 0
        return bytes.reversed().reduce(isNegative ? -1 : 0) { $0 << 8 | Int($1) }
    }

    private mutating func globalOfTwoLines() throws(TorchFile.Fault) -> Global {
        let module = String(decoding: try checked(cursor.line()), as: UTF8.self)
        let name = String(decoding: try checked(cursor.line()), as: UTF8.self)
        return try Global(module: module, name: name)
    }

    // MARK: The stack

    private mutating func push(_ object: Object) {
        stack.append(.object(objects.count))
        objects.append(object)
    }

    private func top() throws(TorchFile.Fault) -> Value {
        guard stack.count > marks.last ?? 0, let top = stack.last else { throw Self.malformed }
        return top
    }

    private mutating func pop() throws(TorchFile.Fault) -> Value {
        let top = try top()
        stack.removeLast()
        return top
    }

    private mutating func pop(count: Int) throws(TorchFile.Fault) -> [Value] {
        guard stack.count - (marks.last ?? 0) >= count else { throw Self.malformed }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popMark() throws(TorchFile.Fault) -> [Value] {
        let height = try checked(marks.popLast())
        defer { stack.removeSubrange(height...) }
        return Array(stack[height...])
    }

    private mutating func extendList(by values: [Value]) throws(TorchFile.Fault) {
        guard case .object(let index) = try top(), case .list = objects[index].kind else { throw Self.malformed }
        objects[index].items += values
    }

    private mutating func extendMapping(by values: [Value]) throws(TorchFile.Fault) {
        guard values.count.isMultiple(of: 2), case .object(let index) = try top(),
            case .mapping = objects[index].kind
        else { throw Self.malformed }
        objects[index].items += values
    }
}
