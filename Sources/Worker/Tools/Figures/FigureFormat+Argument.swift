public import ArgumentParser
public import Runs

/// The names of formats, as `--format` takes them.
extension FigureFormat: ExpressibleByArgument {}
