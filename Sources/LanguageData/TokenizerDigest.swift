public import Artifacts
import Foundation

/// A tokenizer's identity: the content of its files.
public enum TokenizerDigest {
    /// One digest for a tokenizer's files in a model's folder, whichever of them there are.
    ///
    /// - Throws: `FileError` if one cannot be read.
    public static func hex(folder: String) throws(FileError) -> String {
        var words: [String] = []
        var names = ["tokenizer.json", "vocab.json", "merges.txt"]
        // Without a tokenizer.json these name the special tokens that are found in the text.
        if !FileManager.default.fileExists(atPath: folder + "/tokenizer.json") {
            names += ["special_tokens_map.json", "tokenizer_config.json"]
        }
        for name in names {
            let path = folder + "/" + name
            if FileManager.default.fileExists(atPath: path) { words += [name, try SHA256.hex(contentsOf: path)] }
        }
        return SHA256.hex(words.joined(separator: "\n"))
    }
}
