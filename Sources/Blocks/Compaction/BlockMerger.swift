internal import Codecs
internal import Model
internal import Platform

/// Merges the blocks of one tenant into one.
struct BlockMerger {
  let disk: any Disk
  let directory: String
  let policy: CompactionPolicy

  /// Writes the merged block and makes it durable under its name.
  ///
  /// - Parameters:
  ///   - inputs: of one tenant, in the order of their offsets.
  ///   - ledger: the partition's totals as of the last input.
  func merge(
    _ inputs: [BlockReader],
    as identity: BlockIdentity,
    ledger: [LedgerEntry]
  ) throws(CompactionError) -> BlockSummary {
    let definitions: BlockDefinitions
    let entries: [(reader: Int, entry: ChunkGroupEntry)]
    do throws(BlockError) {
      definitions = try self.definitions(of: inputs)
      entries = try self.entries(of: inputs)
    } catch {
      throw .block(error)
    }
    var writer: BlockWriter
    do throws(SystemError) {
      writer = try BlockWriter(
        disk: disk,
        directory: directory,
        identity: identity,
        strength: policy.strength
      )
    } catch {
      throw .system(error)
    }
    do throws(CompactionError) {
      var next = 0
      while next < entries.count {
        var merger = SeriesMerger(series: entries[next].entry.series, policy: policy)
        while next < entries.count, entries[next].entry.series == merger.series {
          do throws(BlockError) {
            try merger.add(entries[next].entry, of: inputs[entries[next].reader])
          } catch {
            throw .block(error)
          }
          next += 1
        }
        try merger.write(to: &writer)
      }
    } catch {
      writer.abandon()
      throw error
    }
    do throws(SystemError) {
      return try writer.finish(definitions: definitions, ledger: ledger)
    } catch {
      throw .system(error)
    }
  }

  /// All groups, by series; within one in the order of the blocks and of their groups.
  private func entries(
    of inputs: [BlockReader]
  ) throws(BlockError) -> [(reader: Int, entry: ChunkGroupEntry)] {
    var all: [(reader: Int, entry: ChunkGroupEntry)] = []
    for (index, reader) in inputs.enumerated() {
      try reader.forEachGroup { all.append((index, $0)) }
    }
    all.sort {
      ($0.entry.series, $0.reader, $0.entry.ordinal)
        < ($1.entry.series, $1.reader, $1.entry.ordinal)
    }
    return all
  }

  /// The union of what the inputs define; identifiers never change their meaning.
  private func definitions(of inputs: [BlockReader]) throws(BlockError) -> BlockDefinitions {
    var result = try inputs[0].definitions()
    var fields = Dictionary(uniqueKeysWithValues: result.fields.map { ($0.id, $0) })
    var sets = Dictionary(uniqueKeysWithValues: result.fieldSets.map { ($0.id, $0) })
    var series = Dictionary(uniqueKeysWithValues: result.series.map { ($0.id, $0) })
    for input in inputs.dropFirst() {
      let other = try input.definitions()
      for field in other.fields { fields[field.id] = field }
      for set in other.fieldSets { sets[set.id] = set }
      for one in other.series { series[one.id] = one }
    }
    result.fields = fields.values.sorted { $0.id < $1.id }
    result.fieldSets = sets.values.sorted { $0.id < $1.id }
    result.series = series.values.sorted { $0.id < $1.id }
    return result
  }
}
