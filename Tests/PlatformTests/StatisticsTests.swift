import Platform
import TestSupport
import Testing

@Suite struct StatisticsTests {
  @Test func theFiguresOfThisProcessArePlausible() throws {
    let before = ProcessStatistics.current()
    #expect(before.residentByteCount > 1 << 20)
    #expect(before.residentByteCountMax >= before.residentByteCount / 2)
    #expect(before.cpuSeconds > 0)
    #expect(before.openFileCount >= 3)
  }

  @Test func theMachineHasMemoryAndCores() {
    let machine = MachineResources.current()
    #expect(machine.memoryByteCount > 64 << 20)
    #expect(machine.coreCount >= 1)
  }

  @Test func controlGroupsAreLookedUpFromTheProcessUpwards() {
    #expect(
      ControlGroup.folders(membership: "0::/system.slice/varve.service\n")
        == [
          "/sys/fs/cgroup/system.slice/varve.service", "/sys/fs/cgroup/system.slice",
          "/sys/fs/cgroup",
        ]
    )
    #expect(
      ControlGroup.folders(membership: "9:name=systemd:/x\n4:cpu,memory:/a\nnonsense")
        == ["/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/memory"]
    )
    #expect(ControlGroup.folders(membership: "").isEmpty)
  }

  @Test func quotasAndMasksAreRead() {
    #expect(ControlGroup.cores(quota: "max 100000") == nil)
    #expect(ControlGroup.cores(quota: "150000 100000") == 2)
    #expect(ControlGroup.cores(quota: "10000 100000") == 1)
    #expect(ControlGroup.cores(quota: "400000 100000") == 4)
    #expect(ControlGroup.cores(quota: "") == nil)
    #expect(ControlGroup.cores(quota: "1 0") == nil)
    #expect(ControlGroup.affinityCount(status: "Name:\tx\nCpus_allowed:\tf,00000003\n") == 6)
    #expect(ControlGroup.affinityCount(status: "Name:\tx\n") == nil)
  }
}
