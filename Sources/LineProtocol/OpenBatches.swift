internal import Model

/// The open batch of each partition, and the sealed ones that nobody has taken yet. All open
/// batches belong to one tenant.
@safe struct OpenBatches: ~Copyable {
  private static let capacityMin = 4 << 10

  let partitionCount: Int
  let builders: UnsafeMutablePointer<BatchBuilder>
  private var capacities: [Int]
  private(set) var tenant = TenantID.default
  private var sealed: [RowBatch] = []

  init(partitionCount: Int) {
    precondition(partitionCount >= 1)
    precondition(partitionCount <= PartitionID.countMax)
    self.partitionCount = partitionCount
    unsafe builders = UnsafeMutablePointer<BatchBuilder>.allocate(capacity: partitionCount)
    for partition in 0..<partitionCount {
      unsafe (builders + partition).initialize(to: BatchBuilder())
    }
    capacities = [Int](repeating: Self.capacityMin, count: partitionCount)
  }

  deinit {
    unsafe builders.deinitialize(count: partitionCount)
    unsafe builders.deallocate()
  }

  /// Changes go through it: under ThreadSanitizer compiler 6.3.1 takes the first property of this
  /// struct for what `builders[partition]` changes, and stops.
  @inline(__always) func builder(_ partition: Int) -> UnsafeMutablePointer<BatchBuilder> {
    unsafe builders + partition
  }

  /// When the oldest row that is in no sealed batch came.
  var oldestOpenRow: Timestamp? {
    var oldest: Timestamp?
    for partition in 0..<partitionCount where unsafe builders[partition].isOpen {
      oldest = unsafe min(oldest ?? .max, builders[partition].openedAt)
    }
    return oldest
  }

  /// Seals the partition's batch, if one is open, and opens one that has room for a row.
  mutating func makeRoom(
    _ partition: Int,
    payload: Int,
    registryVersion: UInt64,
    arrival: Timestamp
  ) {
    if unsafe builders[partition].isOpen {
      // It was too small: the next one is larger.
      capacities[partition] = min(2 * capacities[partition], BatchBuilder.byteCountMax)
      seal(partition, registryVersion: registryVersion, arrival: arrival)
    }
    unsafe builder(partition).pointee.open(
      tenant: tenant,
      partition: PartitionID(UInt16(partition)),
      capacity: max(capacities[partition], BatchBuilder.byteCountNeeded(payload: payload)),
      arrival: arrival
    )
  }

  private mutating func seal(_ partition: Int, registryVersion: UInt64, arrival: Timestamp) {
    if let batch = unsafe builder(partition).pointee.seal(
      registryVersion: registryVersion,
      arrival: arrival
    ) {
      sealed.append(batch)
    }
  }

  /// Seals all open batches.
  mutating func sealAll(registryVersion: UInt64, arrival: Timestamp) {
    for partition in 0..<partitionCount where unsafe builders[partition].isOpen {
      let used = unsafe builders[partition].byteCount
      capacities[partition] = Self.capacityMin
      while capacities[partition] < min(2 * used, BatchBuilder.byteCountMax) {
        capacities[partition] *= 2
      }
      seal(partition, registryVersion: registryVersion, arrival: arrival)
    }
  }

  /// Turns to another tenant; batches of the one before are sealed.
  mutating func turn(to tenant: TenantID, registryVersion: UInt64, arrival: Timestamp) {
    guard tenant != self.tenant else { return }
    sealAll(registryVersion: registryVersion, arrival: arrival)
    self.tenant = tenant
  }

  mutating func append(sealed batch: RowBatch) { sealed.append(batch) }

  mutating func takeSealed() -> [RowBatch] {
    defer { sealed.removeAll(keepingCapacity: true) }
    return sealed
  }
}
