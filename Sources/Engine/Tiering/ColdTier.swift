public import Blocks
internal import Cold
internal import Logging
public import Platform

/// Where cold blocks lie, and what moves there.
public struct ColdConfiguration: Sendable {
  /// An absolute path or `s3://BUCKET/PREFIX`; empty for the one that the directory remembers.
  public var location = ""
  /// Age at which merged blocks move; 0 for never.
  public var afterNanoseconds: Int64 = 0
  /// Bytes of blocks here beyond which the oldest merged ones move; 0 for no limit.
  public var localByteCountMax = 0
  /// What moves of a tenant or a measurement instead; sizes are bytes of a tenant's blocks here.
  public var rules: [RetentionRules.Rule] = []
  /// Whose the objects are that a snapshot shares with the directory that it is of.
  public enum Ownership: String, CaseIterable, Sendable {
    /// The other directory's: this one removes none.
    case shared
    /// This one's from now on.
    case adopt
    /// Another directory's from now on, also where this one looks like their owner: a clone of a
    /// whole file system does.
    case foreign
  }

  public var ownership = Ownership.shared
  /// Memory for pages of cold blocks.
  public var cacheByteCount = 64 << 20

  public init() {}

  var policy: ColdPolicy {
    ColdPolicy(
      ageNanoseconds: afterNanoseconds > 0 ? afterNanoseconds : nil,
      localByteCountMax: localByteCountMax > 0 ? localByteCountMax : nil
    )
  }

  /// The ages at which rows move, by whose they are.
  var ages: RetentionRules {
    var ages = RetentionRules()
    ages.ageNanoseconds = afterNanoseconds
    ages.rules = rules
    return ages
  }

  /// Whether anything ever moves.
  public var movesBlocks: Bool { policy.isOn || !rules.isEmpty }
}

/// The cold store of a data directory, open for reading; `nil` reader when it has none.
public struct ColdTier: Sendable {
  /// Of offline commands, which read once.
  static let offlineCacheByteCount = 32 << 20

  let reader: ColdReader?
  /// Whether objects that no manifest names are this directory's to remove: not those that a
  /// snapshot shares with the directory that it is of.
  var ownsObjects = true
  /// Whether the directory remembers that the store has its mark.
  var wasMarked = false
  /// Objects that are to be removed; `nil` where none is this directory's.
  var unwanted: UnwantedObjects?
  /// Blocks that are being moved, by their qualified names: nobody removes their objects meanwhile.
  let underWay = BlocksUnderWay()
  /// Where readers of cold blocks get their pages.
  public var source: any ColdSource { reader ?? NoColdSource() }
  public var location: String? { reader?.store.location }

  /// The store that the directory remembers, for commands that look at it. One that cannot be
  /// opened is none: whoever reads a block of it is told.
  public static func remembered(
    of directory: DataDirectory,
    disk: any Disk,
    clock: any Clock = RealClock()
  ) -> ColdTier {
    guard let found = try? ColdLocation.read(disk, directory.coldStore),
      let store = try? ObjectStores.open(found.location, disk: disk)
    else { return ColdTier(reader: nil) }
    return ColdTier(
      reader: ColdReader(store, clock: clock, cacheByteCount: offlineCacheByteCount)
    )
  }

  /// The store of an engine: the configured one, which the directory remembers from then on, or
  /// the one that it remembers.
  ///
  /// - Parameter store: replaces what the location would open, in tests.
  static func open(
    _ parts: EngineParts,
    _ directory: DataDirectory,
    store: (any ObjectStore)?
  ) throws(EngineError) -> ColdTier {
    let configuration = parts.configuration.cold
    let claim = try StoreClaim.read(parts, directory, configuration.ownership)
    let location = store?.location ?? normal(configuration.location)
    guard !location.isEmpty || claim.location != nil else {
      guard !configuration.movesBlocks else {
        throw .coldStore(
          "cold.after, cold.local-bytes or cold.rules is set and no cold.directory"
        )
      }
      return ColdTier(reader: nil)
    }
    let opened: any ObjectStore
    do throws(ObjectError) {
      if let store {
        opened = store
      } else {
        opened = try ObjectStores.open(
          location.isEmpty ? claim.location ?? "" : location,
          disk: parts.disk,
          clock: parts.clock
        )
      }
    } catch {
      guard location.isEmpty else { throw .coldStore("\(error)") }
      parts.logger.log(.coldStoreUnreadable, .error, "cold blocks cannot be read: \(error)")
      return ColdTier(reader: nil)
    }
    try claim.commit(parts, directory, location)
    let unwanted = claim.isOwner ? self.unwanted(parts, directory) : nil
    return ColdTier(
      reader: ColdReader(
        opened,
        clock: parts.clock,
        cacheByteCount: configuration.cacheByteCount
      ),
      ownsObjects: claim.isOwner,
      wasMarked: claim.isMarked(location),
      unwanted: unwanted
    )
  }

  private static func unwanted(
    _ parts: EngineParts,
    _ directory: DataDirectory
  ) -> UnwantedObjects {
    var wasDamaged = false
    let path = directory.coldRemovals
    let unwanted = UnwantedObjects(disk: parts.disk, path: path, wasDamaged: &wasDamaged)
    if wasDamaged {
      parts.logger.log(
        .coldStoreUnreadable,
        .warning,
        "\(path) cannot be read: objects that were to be removed stay in the cold store"
      )
    }
    return unwanted
  }

  /// A location without slashes at its end, so that one place has one name.
  private static func normal(_ location: String) -> String {
    var location = location[...]
    while location.count > 1, location.last == "/" { location.removeLast() }
    return String(location)
  }
}
