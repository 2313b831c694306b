/// Tokenised text.
public struct TextData: Sendable, Equatable {
    /// T, the tokens of a row.
    public internal(set) var maxSeqLen = 512
    /// How many samples the published tool shuffles at a time; kept and otherwise ignored.
    public internal(set) var bufferSize = 1000
    /// A name on the Hugging Face hub, a file or a folder, or `train:<target>` for the text that the target was trained on.
    public internal(set) var datasetName = "lennart-finke/SimpleStories"
    /// The column that holds the text.
    public internal(set) var columnName = "story"
    /// The split to train on.
    public internal(set) var trainDataSplit = "train"
    /// The split to evaluate on.
    public internal(set) var evalDataSplit = "test"

    /// The published tool's defaults.
    public init() {}
}

extension TextData {
    static let fields: [Field<TextData>] = [
        Field("max_seq_len", \.maxSeqLen, .positiveInt),
        Field("buffer_size", \.bufferSize, .positiveInt),
        Field("dataset_name", \.datasetName, .name),
        Field("column_name", \.columnName, .name),
        Field("train_data_split", \.trainDataSplit, .name),
        Field("eval_data_split", \.evalDataSplit, .name),
    ]
}
