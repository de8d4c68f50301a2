public import Model

/// Where a parser asks for what it has not seen before; implemented above, on the catalog.
///
/// Class-bound and asked rarely: once per new series, field set and scale table, never per row.
/// Called on the parser's thread.
public protocol SchemaResolver: AnyObject {
  /// The ids of one line's names.
  ///
  /// - Parameters:
  ///   - tags: in the line's order; keys are distinct, no value is empty.
  ///   - fields: distinct names with the types that the line gives them.
  /// - Returns: a layout whose `columnOf` has a column for each field, and `types` as many. A
  /// column
  ///   may be a float where the line has an integer; the parser checks that it is exact.
  func resolve(
    tenant: TenantID,
    measurement: [UInt8],
    tags: [Tag],
    fields: [FieldName]
  ) throws(SchemaRefusal) -> ResolvedLayout

  /// The scale table of these exponents, one for each column of the set, each 0 ...
  /// ``DecimalScale/exponentMax``; `nil` when a limit forbids another one.
  func scaleTable(fieldSet: FieldSetID, exponents: [UInt8]) -> ScaleTableID?

  /// The version that knows every name handed out so far; batches carry it.
  var version: UInt64 { get }

  /// Rows at or behind it are kept, whosever they are; others are asked about one by one. Asked for
  /// once a packet.
  func oldestTimestamp(arrival: Timestamp) -> Timestamp

  /// The first time that is kept of a measurement.
  func oldestTimestamp(
    tenant: TenantID,
    measurement: [UInt8],
    arrival: Timestamp
  ) -> Timestamp
}

/// Where nothing is ever removed.
extension SchemaResolver {
  public func oldestTimestamp(arrival: Timestamp) -> Timestamp { 0 }

  public func oldestTimestamp(
    tenant: TenantID,
    measurement: [UInt8],
    arrival: Timestamp
  ) -> Timestamp { 0 }
}
