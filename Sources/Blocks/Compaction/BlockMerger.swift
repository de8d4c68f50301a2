internal import Codecs
internal import Model
internal import Platform

/// Merges the blocks of one tenant into one.
struct BlockMerger {
  let disk: any Disk
  let directory: String
  let policy: CompactionPolicy
  let filter: GroupFilter
  /// Told how many bytes of inputs have been worked on since the last time; may wait, and may end
  /// the merge.
  let pace: (Int) throws(CompactionError) -> Void

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
    var groups: GroupMerge
    do throws(BlockError) {
      definitions = try self.definitions(of: inputs)
      groups = try GroupMerge(inputs)
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
      while let series = groups.series {
        var merger = SeriesMerger(series: series, policy: policy)
        let oldest = filter.oldest(series)
        var byteCount = 0
        while groups.series == series {
          let (reader, entry) = try groups.next()
          if entry.lastTimestamp < oldest {
            let columns = definitions.fieldSets.first { $0.id == entry.fieldSet }?.fields.count ?? 1
            let points = entry.rowCount * columns
            filter.leaveOut(points, of: series, .age, identity.tenant, definitions)
            continue
          }
          let deleted = reader.deletedRanges(of: series, before: filter.deletesEnd)
          // Reading is half of the work.
          try pace(entry.byteCount / 2)
          do throws(BlockError) {
            let points = try merger.add(entry, of: reader, without: deleted)
            filter.leaveOut(points, of: series, .deleted, identity.tenant, definitions)
          } catch {
            throw .input(error, path: reader.path, entry.offset, entry.byteCount)
          }
          byteCount += entry.byteCount - entry.byteCount / 2
        }
        try merger.write(to: &writer, inputByteCount: byteCount, pace)
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
