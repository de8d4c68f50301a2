internal import Catalog
public import LineProtocol
public import Model
internal import Queue

extension Engine {
  /// Why a request may not write.
  public enum WriteRefusal: Error, Hashable, Sendable {
    case notReady
    case unauthorized
    case tenant(String)
  }

  /// The tenant that whoever presents `token` writes to; a new name becomes a tenant.
  ///
  /// - Parameters:
  ///   - token: as the client sent it, or `nil`.
  ///   - tenant: the name asked for, or `nil`.
  public func writableTenant(
    token: [UInt8]?,
    tenant: [UInt8]?
  ) throws(WriteRefusal) -> TenantID {
    let name = try writableName(token: token, tenant: tenant)
    guard let running = try? running() else { throw .notReady }
    do throws(SchemaRefusal) {
      guard let tenant = try running.catalog.tenant(named: name, create: true) else {
        throw .limit(measurement: nil, reason: .seriesLimit, message: "no such tenant")
      }
      return tenant
    } catch {
      throw .tenant(error.text)
    }
  }

  /// The tenant's name for whoever presents `token`; `nil` when it may not do what it asks for.
  ///
  /// - Parameters:
  ///   - token: as the client sent it, or `nil`.
  ///   - tenant: the name asked for, or `nil`.
  public func tenantName(token: [UInt8]?, tenant: [UInt8]?, rights: Rights) -> [UInt8]? {
    guard let (name, granted) = authorizer.authorize(token: token, tenant: tenant),
      granted.isSuperset(of: rights)
    else { return nil }
    return name
  }

  private func writableName(token: [UInt8]?, tenant: [UInt8]?) throws(WriteRefusal) -> [UInt8] {
    guard let name = tenantName(token: token, tenant: tenant, rights: .write) else {
      throw .unauthorized
    }
    return name
  }

  /// Why nothing can be made durable now (a full disk); `nil` when it can.
  public var writeFailure: String? {
    guard let running = try? running(), running.committer.isRefusing else { return nil }
    return running.committer.statistics.refusal ?? "the disk takes nothing"
  }

  /// A body that is judged like any other and stored nowhere.
  public func dryRun(
    sender: String,
    token: [UInt8]?,
    tenant: [UInt8]?,
    precision: LinePrecision
  ) throws(WriteRefusal) -> DryRun {
    let name = try writableName(token: token, tenant: tenant)
    guard let running = try? running() else { throw .notReady }
    let known: TenantID?
    do throws(SchemaRefusal) {
      known = try running.catalog.tenant(named: name, create: false)
    } catch {
      throw .tenant(error.text)
    }
    return DryRun(
      catalog: running.catalog,
      retention: running.retention,
      clock: clock,
      lineByteCountMax: configuration.lineByteCountMax,
      body: LineBody(
        sender: sender,
        tenant: known ?? TenantID(.max),
        precision: precision,
        sequence: 0
      )
    )
  }

  /// The type of a field, if it is known. One lock: not for the path of a row.
  public func fieldType(tenant: TenantID, measurement: [UInt8], field: [UInt8]) -> ColumnType? {
    guard let catalog = try? running().catalog,
      let measurement = catalog.measurement(tenant: tenant, named: measurement)
    else { return nil }
    return catalog.field(measurement: measurement, named: field)?.type
  }
}
