/// The language models' classes that can be run and decomposed.
public enum ModelArchitecture: String, CaseIterable, Sendable {
    case llama = "LlamaForCausalLM"
    case mistral = "MistralForCausalLM"
    case qwen2 = "Qwen2ForCausalLM"
    case gptNeo = "GPTNeoForCausalLM"
    case gpt2 = "GPT2LMHeadModel"
    case gptNeoX = "GPTNeoXForCausalLM"

    /// What `model_type` says about this class.
    var modelType: String {
        switch self {
        case .llama: "llama"
        case .mistral: "mistral"
        case .qwen2: "qwen2"
        case .gptNeo: "gpt_neo"
        case .gpt2: "gpt2"
        case .gptNeoX: "gpt_neox"
        }
    }

    /// What the names of all weights but the head's begin with, in files that have it.
    public var prefix: String {
        switch self {
        case .llama, .mistral, .qwen2: "model."
        case .gptNeo, .gpt2: "transformer."
        case .gptNeoX: "gpt_neox."
        }
    }

    /// The names that a head goes by, the present one first.
    public var headNames: [String] { self == .gptNeoX ? ["embed_out", "lm_head"] : ["lm_head"] }

    /// The class that a config names: its `architectures`' first, else its `model_type`'s.
    ///
    /// `name` is the class that was asked for, with or without `transformers.`; nil or `AutoModelForCausalLM` takes the
    /// config's.
    ///
    /// - Throws: a class that is unknown or not the config's.
    public init(class name: String?, config: ModelConfig) throws(ModelConfigError) {
        func known(_ name: String) throws(ModelConfigError) -> ModelArchitecture {
            guard let architecture = ModelArchitecture(rawValue: name) else {
                let all = Self.allCases.map(\.rawValue).joined(separator: ", ")
                throw ModelConfigError("\(name) is not supported; these are: \(all)")
            }
            return architecture
        }
        var found: ModelArchitecture?
        if case .text(let text) = try config.list("architectures")?.first {
            found = try known(text)
        } else if let type = try config.text("model_type") {
            guard let architecture = Self.allCases.first(where: { $0.modelType == type }) else {
                let all = Self.allCases.map(\.modelType).joined(separator: ", ")
                throw ModelConfigError("model_type '\(type)' is not supported; these are: \(all)")
            }
            found = architecture
        }
        let wanted = name.map { $0.hasPrefix("transformers.") ? String($0.dropFirst(13)) : $0 }
        guard let wanted, wanted != "AutoModelForCausalLM" else {
            guard let found else {
                throw ModelConfigError("the config names neither architectures nor model_type")
            }
            self = found
            return
        }
        let asked = try known(wanted)
        if let found, found != asked {
            throw ModelConfigError("\(asked.rawValue) was asked for, but the model is a \(found.rawValue)")
        }
        self = asked
    }
}

extension TransformerShape {
    /// The shape that a config describes.
    ///
    /// - Parameters:
    ///   - config: The contents of `config.json`; keys that are absent mean their defaults, unknown ones nothing.
    ///   - className: The class that was asked for; see ``ModelArchitecture/init(class:config:)``.
    ///   - headName: The head's name where an architecture has several; nil takes the present one.
    /// - Throws: what is missing, contradictory or not supported, by its key.
    public init(config: ModelConfig, className: String? = nil, headName: String? = nil) throws(ModelConfigError) {
        let architecture = try ModelArchitecture(class: className, config: config)
        if let quantization = try config.map("quantization_config") {
            throw ModelConfigError(
                "quantization_config is not supported; the weights have to be floating-point numbers, not "
                    + (try quantization.text("quant_method") ?? "quantized"))
        }
        if try config.flag("add_cross_attention") == true {
            throw ModelConfigError("add_cross_attention true is not supported")
        }
        switch architecture {
        case .llama, .mistral, .qwen2: self = try .llama(config, architecture)
        case .gptNeo: self = try .gptNeo(config)
        case .gpt2: self = try .gpt2(config)
        case .gptNeoX: self = try .gptNeoX(config, headName: headName ?? architecture.headNames[0])
        }
    }
}

extension ModelConfig {
    /// The nonlinearity that a key names.
    func activation(_ key: String, default name: String) throws(ModelConfigError) -> TransformerShape.Activation {
        switch try text(key) ?? name {
        case "silu", "swish": return .silu
        case "relu": return .relu
        case "gelu": return .gelu
        case "gelu_new", "gelu_pytorch_tanh": return .tanhGelu
        case let other:
            throw ModelConfigError(
                "\(key) '\(other)' is not supported; silu, relu, gelu, gelu_new and gelu_pytorch_tanh are")
        }
    }

    /// The size of a head that divides the width evenly.
    func headSize(width: Int, heads: Int, widthKey: String, headsKey: String) throws(ModelConfigError) -> Int {
        guard width % heads == 0 else {
            throw ModelConfigError("\(widthKey) \(width) is not a multiple of \(headsKey) \(heads)")
        }
        return width / heads
    }
}
