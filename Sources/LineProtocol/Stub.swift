public import Model
public protocol SchemaResolver: AnyObject {
  func resolve(
    tenant: TenantID, measurement: [UInt8], tags: [Tag], fields: [FieldName]
  ) throws(SchemaRefusal) -> ResolvedLayout
  func scaleTable(fieldSet: FieldSetID, exponents: [UInt8]) -> ScaleTableID?
  var version: UInt64 { get }
}
public struct LineParserOptions { public init(lineByteCountMax: Int) {} }
public struct LineVerdict { public var line: UInt64; public var column: Int; public var reason: RefusalReason; public var message: String; public var text: [UInt8] }
public final class LineSession { public init(tenant: TenantID) { self.tenant = tenant }
  public var tenant: TenantID; public var isInsideLine: Bool { false }; public var usesAcknowledgements: Bool { false }
  public var accepted: UInt64 = 0; public var rejected: UInt64 = 0; public var verdicts: [LineVerdict] = [] }
public enum LineEvent { case acknowledge(String), tenant([UInt8]), auth([UInt8]), fault(String), foreignProtocol(String) }
public struct LineParser: ~Copyable {
  public init(options: LineParserOptions, partitionCount: Int, resolver: any SchemaResolver) {}
  public mutating func parse(_ bytes: UnsafeRawBufferPointer, session: LineSession, arrival: Timestamp) -> (consumed: Int, event: LineEvent?) { (bytes.count, nil) }
  public mutating func finish(session: LineSession, arrival: Timestamp, endsLine: Bool) {}
  public mutating func expire(session: LineSession, arrival: Timestamp) {}
  public mutating func closeBatches(arrival: Timestamp) {}
  public mutating func takeSealed() -> [RowBatch] { [] }
  public var oldestOpenRow: Timestamp? { nil }
}
