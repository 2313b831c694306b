/// What the threads of a decomposition need for themselves, whichever part they work on.
struct ThreadMemory {
    let attention: PerThread<AttentionMemory>
    let head: PerThread<HeadMemory>
    let gates: PerThread<GateMemory>

    /// Memory for parts of up to `rows` rows, shared by crews like this one.
    init(threads: Int, model: LanguageModel, rows: Int, crew: Crew) {
        let (shape, length) = (model.weights.shape, model.length)
        // Gates run on the places of a pass, or on at most so many entries as the rows have tokens.
        gates = GateMemory.each(of: threads, rows: (max(rows, 1) * length + 15) & ~15)
        attention = AttentionMemory.each(of: threads, shape, length: length)
        head = HeadMemory.each(
            of: threads, shape, places: min(shape.rowsPerPass(length: length), max(rows, 1)) * length, crew: crew,
            isDecomposed: model.headIndex != nil)
    }
}
